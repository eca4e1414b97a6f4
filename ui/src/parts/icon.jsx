// Small pictures, drawn on a grid of 16.
const PATHS = {
  live: 'M1 8h3l2-5 4 10 2-5h3',
  pending: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM8 4.5V8l2.5 1.5',
  script: 'M5 4L1.5 8 5 12M11 4l3.5 4-3.5 4M9 2.5l-2 11',
  queue: 'M2 3.5h12M2 8h12M2 12.5h8',
  upstream: 'M4.5 12.5a3.5 3.5 0 0 1 0-7 4 4 0 0 1 7.6 1A3 3 0 0 1 12 12.5zM8 12V8m-2 2l2-2 2 2',
  sessions: 'M5.5 7.5a2.5 2.5 0 1 0 0-5a2.5 2.5 0 0 0 0 5zM1 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M11 3a2.3 2.3 0 0 1 0 4.4M12 9.8c1.800.5 3 1.800 3 3.700',
  statistics: 'M2 14V9M6 14V5M10 14V7.500M14 14V2',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.5 10.500L14 14',
  moon: 'M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z',
  language: 'M1.5 3.500h7M5 2v1.500M7.200 3.500C6.500 6 4.500 8 2 9M3 5.500C4 7 5.500 8.300 7.500 9M7.500 14l3.200-7.500L14 14M8.700 11.500h4.100',
  close: 'M3.500 3.500l9 9M12.500 3.500l-9 9',
  pause: 'M5 3v10M11 3v10',
  play: 'M4.500 2.500l8 5.500-8 5.500z',
  step: 'M3 3l6 5-6 5zM12.5 3v10',
  bell: 'M8 2a4 4 0 0 0-4 4c0 4-1.500 5-1.500 5h11S12 10 12 6a4 4 0 0 0-4-4zM6.500 13.500h3',
  stop: 'M5.500 2h5L14 5.500v5L10.500 14h-5L2 10.500v-5z',
  back: 'M10 3L5 8l5 5',
  copy: 'M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3',
  edit: 'M2.500 13.500l.7-3L10.500 3.200l2.300 2.300-7.300 7.300zM9.300 4.400l2.300 2.300',
  trash: 'M2.500 4h11M6 4V2.500h4V4M4 4l.7 9.500h6.600L12 4',
  up: 'M8 13V3M4 7l4-4 4 4',
  down: 'M8 3v10M4 9l4 4 4-4',
  plus: 'M8 3v10M3 8h10',
  grip: 'M6 3.500v.01M10 3.500v.01M6 8v.01M10 8v.01M6 12.500v.01M10 12.500v.01',
  check: 'M3 8.500l3.500 3.500L13 4.500',
};

export function Icon({ name }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
