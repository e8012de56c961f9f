/** Templates of the page of a run, for Eta: `<%= %>` escapes what it shows, `<%~ %>` takes in another template. */

/** Takes an `HtmlView`. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title><%= it.title %></title>
<style>
<%~ include('@style') %>
</style>
</head>
<body>
<h1><%= it.title %></h1>
<p class="<%= it.isSuccess ? 'good' : 'bad' %>"><%= it.result %></p>
<dl>
<% it.facts.forEach(([name, value]) => { %>
<dt><%= name %></dt><dd><%= value %></dd>
<% }) %>
</dl>
<% if (it.failures.length > 0) { %>
<h2 id="failures">Failures</h2>
<% it.failures.forEach((failure) => { %>
<details<%= failure.isOpen ? ' open' : '' %>>
<summary><b class="<%= failure.verdict %>"><%= failure.verdict %></b> <code><%= failure.id %></code></summary>
<pre><%= failure.text %></pre>
</details>
<% }) %>
<% } %>
<% it.tables.forEach((table) => { %>
<h2><%= table.title %></h2>
<%~ include('@table', table) %>
<% }) %>
<% it.lists.forEach(({ title, lines }) => { %>
<h2><%= title %></h2>
<ul>
<% lines.forEach((line) => { %>
<li><%= line %></li>
<% }) %>
</ul>
<% }) %>
<h2 id="cases">Cases</h2>
<% it.suites.forEach((suite) => { %>
<details>
<summary><%= suite.title %>: <%= suite.result %></summary>
<%~ include('@table', suite.table) %>
</details>
<% }) %>
</body>
</html>
`;

/** Takes a `Table`. */
export const TABLE = `<table>
<tr><% it.head.forEach((name) => { %><th><%= name %></th><% }) %></tr>
<% it.rows.forEach((row) => { %>
<tr><% row.forEach((cell) => { %><td<% if (cell.kind) { %> class="<%= cell.kind %>"<% } %>><%= cell.text %></td><% }) %></tr>
<% }) %>
</table>
`;

/** Classes are verdicts, states of the grid, and what a cell holds. */
export const STYLE = `body { font: 15px/1.45 sans-serif; margin: 1.5em auto; max-width: 78em; padding: 0 1em; }
code, pre { font: 13px/1.4 monospace; }
pre { overflow-x: auto; padding: .6em; border-left: 3px solid #8888; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .15em .7em; text-align: left; vertical-align: top; border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1em 1em; }
dt { font-weight: bold; } dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.good, .pass, .works { color: light-dark(#176b1d, #7ad17f); }
.bad, .fail, .hang, .crash, .fails, .interrupted { color: light-dark(#a80f0f, #ff8a80); }
.unhealthy, .unexpected-pass { color: light-dark(#8a1a8a, #e59ae5); }
.expected-fail, .flake, .partly { color: light-dark(#855a00, #f0c060); }
.skip, .refused, .not-run { color: light-dark(#5f5f5f, #a8a8a8); }
p.good, p.bad { font-size: 1.15em; font-weight: bold; }
`;
