// The topic console: which page an address shows, and the frame around it.
import { render } from 'preact';
import { Brand, ThemeButton, html } from '../shared/ui.js';
import { DEAD, GROUPS, TOPICS, ask, go, groupPath, livePort, liveUrl, route, routeOf, topicPath } from './data.js';
import { DeadLetters } from './dead.js';
import { Group } from './group.js';
import { Overview } from './overview.js';
import { Topic } from './topic.js';

const PAGES = { overview: Overview, topic: Topic, group: Group, dead: DeadLetters };

function Crumbs() {
  const { page, topic, tab, group } = route.value;
  const steps = [['Topics', TOPICS]];
  if (page === 'topic') steps.push([topic, topicPath(topic, tab)]);
  if (page === 'group') steps.splice(0, 1, ['Groups', GROUPS], [group, groupPath(group)]);
  if (page === 'dead') steps.push(['Dead letters', DEAD]);
  return html`<nav class="crumbs" aria-label="Where you are"><ol>
    ${steps.map(([text, href], i) => html`<li><a href=${href} aria-current=${i === steps.length - 1 ? 'page' : 'false'}>${text}</a></li>`)}
  </ol></nav>`;
}

function App() {
  const { page } = route.value;
  const Page = PAGES[page];
  return html`<a class="skip" href="#main">Skip to the content</a>
    <header class="top">
      <${Brand} title="Console" href=${TOPICS} />
      <${Crumbs} />
      <span class="grow"></span>
      ${livePort.value > 0 && html`<a class="button quiet" href=${liveUrl()} data-test="live-link">Live<span class="wide">page</span> ↗</a>`}
      <${ThemeButton} />
    </header>
    <main id="main" tabindex="-1">
      ${page === 'unknown' && html`<div class="pad"><h1>No such page</h1><p>See <a href=${TOPICS}>all topics</a>.</p></div>`}
      ${Page && html`<${Page} />`}
    </main>`;
}

/** Links within the console change the page without loading it again. @param {MouseEvent} event */
function follow(event) {
  const link = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (event.target).closest('a[href]'));
  if (!link || event.button !== 0 || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.origin !== location.origin || link.hasAttribute('download') || !link.pathname.startsWith('/ui/') || link.hash) return;
  event.preventDefault();
  const before = route.value;
  go(link.pathname + link.search);
  const { page, topic, group } = route.value;
  if (page !== before.page || topic !== before.topic || group !== before.group) document.getElementById('main')?.focus();
}

document.addEventListener('click', follow);
addEventListener('popstate', () => { route.value = routeOf(location.pathname, location.search); });
route.subscribe(({ page, topic, group }) => {
  document.title = `${topic || group || (page === 'dead' ? 'Dead letters' : 'Topics')} · Comptoir`;
});
// The overview asks this anyway; the other pages only want to know where the live page is.
if (route.value.page !== 'overview') ask('/overview').catch(() => {});
if (location.pathname === '/' || /^\/ui\/?$/.test(location.pathname)) go(TOPICS, true);
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
