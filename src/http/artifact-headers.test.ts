import { expect, test } from 'vitest';
import { attachmentHeaders } from './artifact-headers.ts';

// As a real server 3.17.2 answered for files of these names.
test.each([
  ['MLmodel', 'text/plain', 'MLmodel'],
  ['conda.yaml', 'text/plain', 'conda.yaml'],
  ['x.MLmodel', 'text/plain', 'x.MLmodel'],
  ['x.js', 'text/plain', 'x.js'],
  ['x.mjs', 'text/javascript', 'x.mjs'],
  ['x.json', 'text/plain', 'x.json'],
  ['x.JSON', 'application/json', 'x.JSON'],
  ['x.xml', 'text/plain', 'x.xml'],
  ['txt', 'text/plain', 'txt'],
  ['m.pkl', 'application/octet-stream', 'm.pkl'],
  ['noext', 'application/octet-stream', 'noext'],
  ['.hidden', 'application/octet-stream', '.hidden'],
  ['x.', 'application/octet-stream', 'x.'],
  ['x.onnx', 'application/octet-stream', 'x.onnx'],
  ['x.h5', 'application/x-hdf5', 'x.h5'],
  ['x.tar', 'application/x-tar', 'x.tar'],
  ['x.tgz', 'application/x-tar', 'x.tgz'],
  ['x.tar.gz', 'application/x-tar', 'x.tar.gz'],
  ['x.gz', 'application/octet-stream', 'x.gz'],
  ['x.zip', 'application/zip', 'x.zip'],
  ['x.pdf', 'application/pdf', 'x.pdf'],
  ['x.css', 'text/css', 'x.css'],
  ['x.wasm', 'application/wasm', 'x.wasm'],
  ['x.HTML', 'text/html', 'x.HTML'],
  ['x.xhtml', 'application/xhtml+xml', 'x.xhtml'],
  ['x.svg', 'image/svg+xml', 'x.svg'],
  ['x.png', 'image/png', 'x.png'],
  ['x.webp', 'image/webp', 'x.webp'],
  ['a b.txt', 'text/plain', '"a b.txt"'],
  ['q"uo.txt', 'text/plain', '"q\\"uo.txt"'],
  ['a;b.txt', 'text/plain', '"a;b.txt"'],
  ['a(b).txt', 'text/plain', '"a(b).txt"'],
  ["a'b%+~.txt", 'text/plain', "a'b%+~.txt"],
  ['ümlaut.txt', 'text/plain', "umlaut.txt; filename*=UTF-8''%C3%BCmlaut.txt"],
  ['日本.png', 'image/png', ".png; filename*=UTF-8''%E6%97%A5%E6%9C%AC.png"],
  ['日本', 'application/octet-stream', "download; filename*=UTF-8''%E6%97%A5%E6%9C%AC"],
  [
    "é!#$&+-.^_`|~'()*%@.txt",
    'text/plain',
    `"e!#$&+-.^_\`|~'()*%@.txt"; filename*=UTF-8''%C3%A9!#$&+-.^_\`|~%27%28%29%2A%25%40.txt`,
  ],
])('%s', (name, type, filename) => {
  expect(attachmentHeaders(`0/run/artifacts/${name}`, 7)).toEqual({
    'Content-Type': type,
    'Content-Length': '7',
    'Content-Disposition': `attachment; filename=${filename}`,
    'X-Content-Type-Options': 'nosniff',
  });
});
