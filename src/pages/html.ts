/** Text that came from outside, harmless in an element and in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/**
 * Where the pages' one style sheet is: none of it stands in a page, so that the page's policy can refuse all that does. An address
 * that ends so is it too: pages name it from where they are, since a proxy may have put them below another path.
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
