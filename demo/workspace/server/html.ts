export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>flag-promotions: a workspace to try it in</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%233f0e40'/%3E%3Cpath d='M5 3v10M5 4h6l-1.5 2L11 8H5' stroke='%23fff' stroke-width='1.5' fill='none'/%3E%3C/svg%3E">
<link rel="stylesheet" href="/page.css">
</head>
<body>
<div id="page"><p class="loading" role="status">The workspace is opening…</p></div>
<noscript><p class="loading">This page is a program; it needs JavaScript.</p></noscript>
<script type="module" src="/page.js"></script>
</body>
</html>
`;
