import type { Server } from 'node:net';

/** The port can't be had. `message` says what to do. */
export class PortError extends Error {
  override readonly name = 'PortError';
  /** Whether another try may succeed without anybody's doing. */
  readonly mayPass: boolean;
  constructor(port: number, code: 'EADDRINUSE' | 'EACCES') {
    super(
      code === 'EADDRINUSE'
        ? `PORT ${port} is taken on this host. Stop what listens there, or set PORT to another one.`
        : `This account may not listen on PORT ${port}. Set PORT to 1024 or more.`,
    );
    this.mayPass = code === 'EADDRINUSE';
  }
}

/** @throws PortError if the port is taken or forbidden */
export async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const { code } = error;
      reject(code === 'EADDRINUSE' || code === 'EACCES' ? new PortError(port, code) : error);
    });
    server.listen(port, resolve);
  });
}
