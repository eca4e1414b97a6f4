import { test } from 'llemulator/vitest';
import { expect } from 'vitest';

test('answers', async ({ api, openai }) => {
  api.replies('Paris.');
  expect((await openai.responses.create({ model: 'gpt-4o', input: 'x' })).output_text).toBe('Paris.');
  expect(api.requests).toMatchInlineSnapshot(`
    [
      {
        "aborted": false,
        "body": {
          "input": "x",
          "model": "gpt-4o",
        },
        "explanation": null,
        "operation": "responses.create",
        "outcome": "scripted",
        "rule": "responses[0]",
        "said": ""Paris."",
        "status": 200,
        "stream": false,
        "toolResults": [],
      },
    ]
  `);
});
