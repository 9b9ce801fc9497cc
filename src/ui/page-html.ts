/** The page's frame: five landmarks that the client script fills. Addresses are relative, so that it works under any base path. */
export const pageHtml = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Newsreel</title>
<link rel="icon" href="ui/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="ui/page.css">
<script src="ui/page.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header>
  <h1><img src="ui/icon.svg" alt="" width="26" height="26"> Newsreel</h1>
  <nav aria-label="Pages">
    <a href="#now">Now</a>
    <a href="#library">Library</a>
    <a href="#imports">Imports</a>
    <a href="#connect">Connect</a>
  </nav>
  <p id="trouble" role="alert" hidden></p>
</header>
<main id="main" tabindex="-1">
  <noscript><p class="empty">This page needs JavaScript. The library is at <a href="dav/">dav/</a> for any WebDAV client.</p></noscript>

  <section data-page="now" hidden>
    <h2>Playing</h2>
    <p class="lead" id="admission"></p>
    <ul id="streams" class="cards"></ul>
    <h2>Providers</h2>
    <ul id="providers" class="cards"></ul>
    <h2>Cache</h2>
    <div id="cache"></div>
  </section>

  <section data-page="library" hidden>
    <h2 class="sr">Library</h2>
    <nav id="crumbs" aria-label="Folders"></nav>
    <ul id="entries" class="rows"></ul>
    <button id="more" type="button" hidden>Show more</button>
  </section>

  <section data-page="imports" hidden>
    <h2 class="sr">Imports</h2>
    <form id="add">
      <label>Category <input id="category" value="movies" list="categories" autocomplete="off" spellcheck="false" maxlength="80"></label>
      <datalist id="categories"><option value="movies"><option value="tv"></datalist>
      <label class="button">Choose NZB files<input id="files" type="file" multiple accept=".nzb,.gz" class="sr"></label>
      <span class="dim">or drop them anywhere on this page</span>
    </form>
    <p class="lead" id="queue"></p>
    <ul id="jobs" class="rows"></ul>
  </section>

  <section data-page="connect" hidden>
    <h2 class="sr">Connect</h2>
    <p class="lead">For the address you opened this page with. User and password are those you log in here with.</p>
    <div id="recipes"></div>
  </section>
</main>
<div id="drop" hidden><p>Drop to import</p></div>
<ul id="notes" role="status"></ul>
</body>
</html>
`;
