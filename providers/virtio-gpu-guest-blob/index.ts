import type { Provider } from '../contract.ts';
import { blobProvider } from '../virtio-gpu-blob.ts';

export const provider: Provider = blobProvider('guest');
