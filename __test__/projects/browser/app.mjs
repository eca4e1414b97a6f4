// An application in a page, and a browser for it: its server hands the page the base URL that the test gives.
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

/** Debian's Chromium, else the Chrome that is installed. */
const DEBIAN = '/usr/bin/chromium';
const program = existsSync(DEBIAN) ? { executablePath: DEBIAN } : { channel: 'chrome' };

const PAGE = `<!doctype html><input id="question"><button>Ask</button><output></output>
<script type="module">
const { baseURL } = await (await fetch('/config' + location.search)).json();
document.querySelector('button').onclick = async () => {
  const response = await fetch(baseURL + '/responses', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer the-key-of-the-app' },
    body: JSON.stringify({ model: 'gpt-4o', input: document.querySelector('#question').value }),
  });
  const answer = await response.json();
  document.querySelector('output').textContent = response.ok ? answer.output[0].content[0].text : 'No answer.';
};
document.body.dataset.ready = '';
</script>`;

/** Serves the page; `?session=NAME` chooses the emulator's session. */
export async function startApp(emulator) {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://app');
    // One session per test, though the application has one key: the session stands in the base URL.
    const baseURL = `${emulator.url}/_session/${searchParams.get('session')}/v1`;
    if (pathname === '/config') response.setHeader('content-type', 'application/json').end(JSON.stringify({ baseURL }));
    else response.setHeader('content-type', 'text/html').end(PAGE);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({ ...program, args: ['--no-sandbox', '--disable-gpu'] });
  return {
    /** What the page shows after a question. */
    async ask(session, question) {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${server.address().port}/?session=${session}`);
      await page.locator('body[data-ready]').waitFor();
      await page.fill('#question', question);
      await page.click('button');
      const answer = await page.locator('output:not(:empty)').textContent();
      await page.close();
      return answer;
    },
    async stop() {
      await browser.close();
      server.close();
    },
  };
}
