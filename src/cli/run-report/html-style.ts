/** The style of an HTML report: for screens from 360 pixels, light and dark, and for paper. */
export const REPORT_STYLE = `
:root{--page:#f5f6f8;--box:#fff;--text:#1c2128;--soft:#59626e;--line:#d9dee5;--ok:#146c2e;--ok-back:#dcf3e1;--warning:#7a4a00;--warning-back:#fdecc8;--error:#a11212;--error-back:#fde0de;--neutral:#48505b;--neutral-back:#e6e9ee}
@media (prefers-color-scheme:dark){:root{--page:#12151a;--box:#1b2027;--text:#e4e8ee;--soft:#a0a9b6;--line:#343c47;--ok:#8ddf9f;--ok-back:#173a21;--warning:#f3c46b;--warning-back:#41300d;--error:#ff9d96;--error-back:#4a1b1b;--neutral:#c3cad4;--neutral-back:#2d343e}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,sans-serif}
main{max-width:1100px;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:0 0 .75rem;overflow-wrap:anywhere}
h3{font-size:.8rem;letter-spacing:.04em;text-transform:uppercase;color:var(--soft);margin:1.25rem 0 .4rem}
a{color:inherit}
section{background:var(--box);border:1px solid var(--line);border-left:4px solid var(--line);border-radius:6px;padding:1rem 1.1rem;margin-top:1rem}
section.ok{border-left-color:var(--ok)}section.warning{border-left-color:var(--warning)}section.error{border-left-color:var(--error)}
.badge{display:inline-block;padding:.05rem .5rem;border-radius:999px;font-size:.78rem;font-weight:600;vertical-align:middle;color:var(--neutral);background:var(--neutral-back)}
.badge.ok{color:var(--ok);background:var(--ok-back)}.badge.warning{color:var(--warning);background:var(--warning-back)}.badge.error{color:var(--error);background:var(--error-back)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.6rem 1.5rem;margin:0 0 .5rem}
dt{font-size:.78rem;color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.notes{list-style:none;margin:.5rem 0 1rem;padding:0}
.notes li{margin:.35rem 0;padding:.45rem .7rem;border-radius:4px;background:var(--neutral-back);overflow-wrap:anywhere}
.notes li.warning{background:var(--warning-back)}.notes li.error{background:var(--error-back)}
.notes li.warning strong{color:var(--warning)}.notes li.error strong{color:var(--error)}
.overview{margin:1rem 0;padding-left:1.5rem}.overview li{margin:.2rem 0;overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse;font-size:.9rem}
th{text-align:left;font-weight:600;color:var(--soft);font-size:.8rem}
th,td{padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
.number{text-align:right;white-space:nowrap;padding-right:1.2rem;font-variant-numeric:tabular-nums}
td.code,pre,figcaption{font-family:ui-monospace,monospace;font-size:.82rem}
pre{background:var(--page);border:1px solid var(--line);border-radius:4px;padding:.7rem;margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
figure{margin:0}figcaption{color:var(--soft);overflow-wrap:anywhere}
img{display:block;max-width:100%;height:auto;border:1px solid var(--line);border-radius:4px;margin-bottom:.3rem}
@media (max-width:640px){
main{padding:1rem .6rem 2rem}section{padding:.8rem}dl{grid-template-columns:1fr;gap:.25rem}dl div{display:grid;grid-template-columns:8rem minmax(0,1fr);column-gap:.5rem}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,tbody,tr,td{display:block}tr{padding:.4rem 0;border-bottom:1px solid var(--line)}
td{display:grid;grid-template-columns:5.5rem minmax(0,1fr);padding:.1rem 0;border:0}td.number{text-align:left;white-space:normal}
td::before{content:attr(data-label);color:var(--soft);font:.78rem/1.6 system-ui,sans-serif}
td .badge{justify-self:start}
}
@media print{
:root{--page:#fff;--box:#fff;--text:#000;--soft:#444;--line:#bbb;--ok:#146c2e;--ok-back:#fff;--warning:#7a4a00;--warning-back:#fff;--error:#a11212;--error-back:#fff;--neutral:#333;--neutral-back:#fff}
body{font-size:10pt}main{max-width:none;padding:0}section{border-radius:0}
tr,figure,.notes li,dl div{break-inside:avoid}h2,h3{break-after:avoid}
.badge,.notes li{border:1px solid var(--line)}
}
`;
