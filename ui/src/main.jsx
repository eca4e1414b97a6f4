import { render } from 'preact';
import { App } from './app.jsx';
import { language } from './state/i18n.js';
import { follow } from './state/store.js';
import './style/tokens.css';
import './style/base.css';
import './style/layout.css';
import './style/lists.css';
import './style/exchange.css';
import './style/editor.css';
import './style/views.css';

document.documentElement.lang = language.value;
render(<App />, document.getElementById('app'));
follow();
