/** The page's looks: one column, light and dark by the system's wish, from a phone's width up. */
export const pageCss = `
:root {
  --back: #faf8f5; --card: #fff; --line: #e2dcd3; --text: #1f1b16; --dim: #6a6156;
  --accent: #b45309; --on-accent: #fff; --good: #15803d; --bad: #b91c1c; --track: #e9e3da;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14120f; --card: #1f1c18; --line: #37322b; --text: #f1ece4; --dim: #a89e90;
    --accent: #f59e0b; --on-accent: #1b1305; --good: #4ade80; --bad: #f87171; --track: #37322b;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0 auto; padding: 0 1rem 4rem; max-width: 58rem; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
main:focus { outline: none; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; z-index: 2; background: var(--card); padding: .25rem .75rem; }
header { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.5rem;
  background: var(--back); border-bottom: 1px solid var(--line); padding: .6rem 0 0; margin-bottom: 1.25rem; }
h1 { display: flex; align-items: center; gap: .5rem; font-size: 1.2rem; margin: 0; padding-bottom: .5rem; }
header nav { display: flex; gap: .25rem; margin-left: auto; }
header nav a { padding: .5rem .75rem .6rem; color: var(--dim); text-decoration: none; border-bottom: 3px solid transparent; }
header nav a[aria-current] { color: var(--text); border-color: var(--accent); font-weight: 600; }
h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
h2:first-child { margin-top: 0; }
ul { list-style: none; margin: 0; padding: 0; }
.lead { margin: 0 0 .75rem; }
.dim, .lead { color: var(--dim); }
.dim { font-size: .9rem; font-weight: 400; }
.pair { display: flex; gap: .5rem; }
.cards { display: grid; gap: .75rem; }
.cards > li, .box, .rows { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.cards > li, .box { padding: .75rem 1rem; }
.rows > li { padding: .6rem 1rem; border-top: 1px solid var(--line); display: flex; flex-wrap: wrap; align-items: center; gap: .15rem .75rem; }
.rows > li:first-child { border-top: 0; }
.rows:empty { display: none; }
.grow { flex: 1 1 14rem; min-width: 0; }
.full { flex: 1 0 100%; }
.split { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; }
.title { font-weight: 600; }
.empty { border: 1px dashed var(--line); border-radius: 10px; padding: 1.25rem; color: var(--dim); text-align: center; background: none !important; }
li.empty { display: block !important; border: 1px dashed var(--line) !important; }
.rows:has(> .empty) { border: 0; background: none; }
.good { color: var(--good); }
.bad { color: var(--bad); }
progress { appearance: none; display: block; width: 100%; height: 8px; border: 0; border-radius: 4px; overflow: hidden; background: var(--track); margin: .4rem 0; }
progress::-webkit-progress-bar { background: var(--track); }
progress::-webkit-progress-value { background: var(--accent); }
progress::-moz-progress-bar { background: var(--accent); }
.dots { display: flex; flex-wrap: wrap; gap: 4px; margin: .5rem 0; }
.dots i { width: 11px; height: 11px; border-radius: 50%; border: 2px solid color-mix(in srgb, var(--dim) 40%, transparent); }
.dots .idle { border-color: var(--good); }
.dots .busy { border-color: var(--good); background: var(--good); }
.dots .opening { border-color: var(--accent); }
.state { font-size: .8rem; font-weight: 600; padding: .05rem .55rem; border-radius: 9px; border: 1px solid currentColor; }
button, .button, input:not(.sr) { font: inherit; border-radius: 8px; border: 1px solid var(--line); background: var(--card); color: inherit; padding: .4rem .8rem; }
button, .button { cursor: pointer; display: inline-block; text-decoration: none; }
button:hover, .button:hover { border-color: var(--accent); }
.button:focus-within { outline: 3px solid var(--accent); outline-offset: 2px; }
.small { padding: .15rem .6rem; font-size: .9rem; }
label.button { background: var(--accent); color: var(--on-accent); border-color: var(--accent); font-weight: 600; }
#category { width: 8rem; }
#add { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; margin-bottom: 1rem; }
#crumbs { margin-bottom: .75rem; }
#crumbs a + a::before, #crumbs span::before { content: "/"; color: var(--dim); margin: 0 .4rem; display: inline-block; }
#more { margin-top: .75rem; }
#recipes h3 { font-size: 1rem; margin: 1.25rem 0 .35rem; }
.code { display: flex; gap: .5rem; align-items: start; margin: .35rem 0; }
.code code { flex: 1; min-width: 0; font: .85rem/1.5 ui-monospace, monospace; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .4rem .7rem; white-space: pre-wrap; }
#trouble { flex: 1 0 100%; margin: 0 0 .6rem; background: var(--bad); color: var(--back); border-radius: 10px; padding: .6rem 1rem; font-weight: 600; }
.stale { opacity: .55; }
#drop { position: fixed; inset: 0; z-index: 3; display: grid; place-items: center; pointer-events: none; font-size: 1.6rem; font-weight: 600;
  background: color-mix(in srgb, var(--back) 85%, transparent); border: 4px dashed var(--accent); }
#notes { position: fixed; right: 1rem; bottom: 1rem; left: 1rem; z-index: 3; display: grid; gap: .5rem; justify-items: end; pointer-events: none; }
#notes li { pointer-events: auto; max-width: 30rem; background: var(--text); color: var(--back); border-radius: 10px; padding: .55rem 1rem; cursor: pointer; }
@media (max-width: 34rem) {
  header { justify-content: center; padding-top: .4rem; }
  h1 { padding-bottom: 0; }
  header nav { margin: 0; width: 100%; justify-content: space-between; }
  header nav a { padding: .45rem .6rem .5rem; }
}
`;
