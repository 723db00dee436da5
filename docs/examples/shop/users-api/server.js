const { createServer } = require('node:http');

const users = [{ id: '1', name: 'Ana' }, { id: '2', name: 'Ben' }];

createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (pathname === '/health') return answer(200, { status: 'ok' });
  if (pathname === '/users') return answer(200, users);
  const user = users.find(({ id }) => pathname === `/users/${id}`);
  return user ? answer(200, user) : answer(404, { message: 'there is no such user' });
}).listen(process.env.PORT ?? 8080);
