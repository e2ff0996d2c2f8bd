import { Phone } from './phone.js';

export function Authenticator() {
  return (
    <section className="tool" aria-labelledby="authenticator-title">
      <h2 id="authenticator-title">Authenticator</h2>
      <Phone testId="code" />
    </section>
  );
}
