const { createServer } = require('node:http');

createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (pathname === '/health') return answer(200, { status: 'ok' });
  if (pathname === '/payments' && request.method === 'POST') return answer(201, { status: 'paid' });
  return answer(404, { message: 'post to /payments' });
}).listen(process.env.PORT ?? 8080);
