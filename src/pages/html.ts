/** Escapes outside text for an element and for a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/**
 * The pages' one style sheet. Nothing is inline, so the pages' policy can forbid all inline style. Any address with
 * this ending serves it: pages link to it relatively, since a proxy may have put them below another path.
 */
export const STYLE_PATH = '/enrol/style.css';

/** A whole page. `title` is text, `body` is markup. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
<title>${escapeHtml(title)} · flag-promotions</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="..${STYLE_PATH}">
</head>
<body>
<main>
<p class="brand"><span class="mark" aria-hidden="true"></span>flag-promotions</p>
${body}
</main>
</body>
</html>
`;
}
