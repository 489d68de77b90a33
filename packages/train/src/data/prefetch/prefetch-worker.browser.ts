import { serveOrders } from './serve.js';

const serve = serveOrders((answer, transfer) => postMessage(answer, { transfer }));
addEventListener('message', ({ data }) => serve(data));
