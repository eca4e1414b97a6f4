/** All keys, for the list that `?` shows. */
export const KEYS = [
  ['Everywhere', [
    ['?', 'This list'], ['Ctrl+K', 'Go to, do'], ['1 … 7', 'Views'], ['/', 'Search'], ['F6', 'Next pane'], ['Esc', 'Back'],
  ]],
  ['Live', [
    ['j k ↓ ↑', 'Next, previous'], ['PgDn PgUp', 'Ten further'], ['Home End', 'Newest, oldest'], ['Enter', 'Open'], ['p', 'Pause, go on'],
    ['m', 'Mark for comparing'], ['c', 'Compare the two marked'], ['e', 'Edit and send again'],
  ]],
  ['Pending', [
    ['j k', 'Next, previous'], ['Alt+1 … 9', 'The first nine'], ['Ctrl+Enter', 'Send, finish'], ['Ctrl+.', 'Finish with length'], ['Ctrl+Backspace', 'Cut the connection'],
    ['b', 'Breakpoints'], ['Alt+S', 'One piece further'], ['Alt+D', 'Drop the piece'],
    ['Alt+G', 'Let it be generated'], ['Alt+E', 'Let it be echoed'], ['Alt+B', 'Let the real API answer'],
  ]],
  ['Queue', [['Alt+↑ Alt+↓', 'Move the item'], ['d', 'Duplicate the item'], ['Delete', 'Delete the item'], ['Ctrl+Z', 'Take a deletion back']]],
  ['Editor', [['Ctrl+Space', 'Complete'], ['Ctrl+Shift+L', 'Lay out'], ['Ctrl+M', 'Tab moves on, or indents']]],
];
