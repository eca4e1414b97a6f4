// The packages that hold the addon: none is installed in a checkout.
declare module '@llemulator/*';
