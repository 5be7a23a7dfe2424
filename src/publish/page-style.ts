/** The style sheet of the page: light and dark, paper and telephone. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --raised: #f5f6f8; --ink: #1c1f23; --soft: #565d66; --line: #d9dde3;
  --holds: #0a6b4e; --fails: #b3261e; --undecided: #7a5200; --link: #1f5fae;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --raised: #1d2126; --ink: #e7eaee; --soft: #a5adb8; --line: #353b44;
    --holds: #5fd3a8; --fails: #ff8f86; --undecided: #e9b94f; --link: #8ab8f5;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", Arial, sans-serif;
}
main { max-width: 760px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 1.85rem; line-height: 1.2; margin: 0 0 8px; text-wrap: balance; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 48px 0 12px; }
h3 { font-size: 1.02rem; margin: 28px 0 6px; }
p { margin: 0 0 12px; overflow-wrap: break-word; }
a { color: var(--link); }
code { font: 0.92em ui-monospace, "DejaVu Sans Mono", Menlo, monospace; overflow-wrap: anywhere; }
.about { color: var(--soft); font-size: 0.92rem; }
.claim { border-left: 3px solid var(--line); padding-left: 14px; color: var(--soft); }
.finding { font-size: 1.06rem; }
.notice { background: var(--raised); border: 1px solid var(--line); border-radius: 6px; padding: 10px 14px; }
.claims { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
.claims li { border-bottom: 1px solid var(--line); padding: 12px 0; display: grid; grid-template-columns: 120px 1fr; gap: 4px 16px; }
.claims p { margin: 0; }
.claims .measured { grid-column: 2; color: var(--soft); font-size: 0.92rem; }
.verdict { font-weight: 650; white-space: nowrap; }
.holds { color: var(--holds); } .fails { color: var(--fails); } .undecided { color: var(--undecided); }
figure { margin: 0 0 8px; }
figure svg { display: block; max-width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: 0.88rem; margin-top: 10px; }
.narrow { display: none; }
.arms > li { margin-bottom: 12px; }
.arms, .plain { padding-left: 20px; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; margin-bottom: 12px; }
.scroll:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 0.82rem; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 8px; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); vertical-align: top; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--paper); }
td span, th span { display: block; color: var(--soft); font-size: 0.9em; font-weight: 400; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0 0 12px; font-size: 0.94rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
@media (min-width: 1000px) { .scroll { margin-inline: -100px; } }
@media (max-width: 740px) {
  main { padding: 22px 16px 48px; }
  h1 { font-size: 1.5rem; }
  .wide { display: none; }
  .narrow { display: block; }
  .claims li { grid-template-columns: 1fr; }
  .claims .measured { grid-column: 1; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
}
@media print {
  main { max-width: none; padding: 0; }
  figure, .claims li { break-inside: avoid; }
  .scroll { overflow: visible; border: 0; }
}
`;
