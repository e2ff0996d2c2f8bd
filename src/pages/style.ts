/**
 * Contrast is at least 4.5:1 for text and 3:1 for edges, in both schemes. The QR code stays dark on white, as cameras
 * need it.
 */
export const STYLE = `:root {
  color-scheme: light dark;
  --page: #f4f4f6; --card: #ffffff; --ink: #1d1c1d; --soft: #55545a; --line: #8a8890; --faint: #e3e2e8;
  --accent: #5a2a6b; --on-accent: #ffffff; --bad: #a30200; --bad-bg: #fdecea; --good: #0b6b46; --good-bg: #e6f5ee;
  --well: #f4f2f7;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #17161a; --card: #222127; --ink: #f2f1f4; --soft: #b9b7c0; --line: #85838d; --faint: #3a3841;
    --accent: #d9b3e8; --on-accent: #24102c; --bad: #ffb4ab; --bad-bg: #3f1512; --good: #7fdcb4; --good-bg: #10352a;
    --well: #2c2a33;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 1rem; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main {
  max-width: 34rem; margin: 0 auto; padding: 1.5rem; background: var(--card);
  border: 1px solid var(--faint); border-radius: 16px;
}
.brand { display: flex; align-items: center; gap: .5rem; margin: 0 0 1rem; font-weight: 600; color: var(--soft); font-size: .9rem; }
.mark { width: .8rem; height: .8rem; border-radius: 3px 3px 3px 0; background: var(--accent); }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; }
h2 { margin: 0 0 .5rem; font-size: 1.05rem; }
p { margin: 0 0 .75rem; }
.soft { color: var(--soft); }
.steps { margin: 1.25rem 0 0; padding: 0; list-style: none; counter-reset: step; }
.steps > li { position: relative; padding: 1.25rem 0 .25rem 2.75rem; border-top: 1px solid var(--faint); counter-increment: step; }
.steps > li::before {
  content: counter(step); position: absolute; left: 0; top: 1.15rem; width: 1.9rem; height: 1.9rem; border-radius: 50%;
  display: grid; place-items: center; background: var(--well); color: var(--accent); font-weight: 700;
}
.qr { display: block; width: min(100%, 13rem); height: auto; margin: 0 0 1rem; padding: .6rem; background: #ffffff; border: 1px solid var(--faint); border-radius: 12px; }
.button, button {
  display: inline-block; min-height: 2.75rem; padding: .6rem 1.15rem; border: 0; border-radius: 10px; cursor: pointer;
  background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; text-decoration: none; text-align: center;
}
.button.quiet { background: transparent; color: var(--accent); border: 1px solid var(--line); }
.button:hover, button:hover { filter: brightness(1.08); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
details { margin: .75rem 0; }
summary { padding: .4rem 0; color: var(--accent); cursor: pointer; font-weight: 600; }
.secret, .codes li {
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; user-select: all; -webkit-user-select: all;
}
.secret { display: block; padding: .75rem; background: var(--well); border-radius: 10px; overflow-wrap: anywhere; letter-spacing: .06em; }
label { display: block; margin: 0 0 .35rem; font-weight: 600; }
input {
  display: block; width: 100%; max-width: 14rem; margin: 0 0 .35rem; padding: .6rem .8rem; border: 1px solid var(--line); border-radius: 10px;
  background: var(--card); color: var(--ink); font: 1.35rem/1.3 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; letter-spacing: .2em;
}
input[aria-invalid="true"] { border: 2px solid var(--bad); }
.hint { margin: 0 0 .9rem; color: var(--soft); font-size: .9rem; }
.bad, .good { margin: 0 0 .75rem; padding: .7rem .9rem; border-radius: 10px; }
.bad { background: var(--bad-bg); color: var(--bad); }
.good { background: var(--good-bg); color: var(--good); }
.word { font-size: 2rem; font-weight: 700; letter-spacing: .04em; margin: .5rem 0; }
.codes { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .4rem; margin: .75rem 0; padding: 0; list-style: none; }
.codes li { padding: .45rem .75rem; background: var(--well); border-radius: 8px; letter-spacing: .04em; }
code { padding: .1rem .35rem; background: var(--well); border-radius: 5px; font-size: .92em; overflow-wrap: anywhere; }
footer { margin-top: 1.5rem; padding-top: 1rem; border-top: 1px solid var(--faint); color: var(--soft); font-size: .9rem; }
@media (max-width: 26rem) {
  body { padding: 0; }
  main { min-height: 100vh; border: 0; border-radius: 0; padding: 1.25rem; }
  .button, button { width: 100%; }
  input { max-width: none; }
}
@media print {
  body, main { background: #ffffff; color: #000000; border: 0; }
}
`;
