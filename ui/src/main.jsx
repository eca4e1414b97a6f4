import { render } from 'preact';

render(<h1>LLEmulator</h1>, document.getElementById('app'));
