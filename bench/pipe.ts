import { Agent, createServer, request } from 'node:http';

/**
 * The upper bound for what goes through a server on Node: it passes each request on to the URL in its path, and the answer
 * back, and does nothing else.
 * `node pipe.ts PORT`
 */

const agent = new Agent({ keepAlive: true });

createServer((incoming, outgoing) => {
  const target = incoming.url?.slice(1) ?? '';
  if (!URL.canParse(target)) return outgoing.writeHead(404).end();
  const length = incoming.headers['content-length'];
  const onward = request(target, {
    method: incoming.method,
    headers: length === undefined ? {} : { 'content-length': length },
    agent,
  });
  onward.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', (error) => outgoing.destroy(error));
  return incoming.pipe(onward);
}).listen(Number(process.argv[2]), '127.0.0.1');
