// The nonce of this page's response: style elements without it are refused (see src/dashboard/dashboard.c).
import { setNonce } from 'get-nonce';

export const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
setNonce(nonce);
