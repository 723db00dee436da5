const { createServer } = require('node:http');

const {
  SEMANTEST_SERVICE_USERS_API: usersApi,
  SEMANTEST_SERVICE_PRODUCTS_API: productsApi,
  SEMANTEST_SERVICE_PAYMENTS_API: paymentsApi,
} = process.env;

async function ask(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

async function placeOrder(user, product) {
  const [buyer, bought] = await Promise.all([
    ask(`${usersApi}/users/${encodeURIComponent(user)}`),
    ask(`${productsApi}/products/${encodeURIComponent(product)}`),
  ]);
  const payment = await ask(`${paymentsApi}/payments`, { method: 'POST' });
  return { user: buyer.name, product: bought.name, price: bought.price, payment: payment.status };
}

createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (pathname === '/health') return answer(200, { status: 'ok' });
  if (pathname !== '/orders' || request.method !== 'POST') return answer(404, { message: 'post to /orders' });
  try {
    return answer(201, await placeOrder(searchParams.get('user') ?? '', searchParams.get('product') ?? ''));
  } catch (error) {
    return answer(502, { message: error.message });
  }
}).listen(process.env.PORT ?? 8080);
