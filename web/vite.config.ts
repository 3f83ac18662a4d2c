// How the dashboard is built: into ../build/web/dist, which pack.mjs then compresses and holds against its budget.
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // The server puts a nonce of its own in the place of this word, in each response.
  html: { cspNonce: 'CONNEK-NONCE' },
  resolve: { alias: { '@rjsf/validator-ajv8': fileURLToPath(new URL('./src/pages/playground/absent.ts', import.meta.url)) } },
  build: {
    outDir: '../build/web/dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
    target: 'es2022',
  },
});
