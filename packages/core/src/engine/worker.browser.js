import { serve, serveMessage } from './serve.js';

serveMessage(serve);
