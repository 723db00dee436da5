const { createServer } = require('node:http');

const products = [{ id: '1', name: 'Pen', price: 2 }, { id: '2', name: 'Paper', price: 5 }];

createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (pathname === '/health') return answer(200, { status: 'ok' });
  if (pathname === '/products') return answer(200, products);
  const product = products.find(({ id }) => pathname === `/products/${id}`);
  return product ? answer(200, product) : answer(404, { message: 'there is no such product' });
}).listen(process.env.PORT ?? 8080);
