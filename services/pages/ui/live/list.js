// The list of lines: fixed-height rows out of a small pool, rewritten by textContent as the view moves.
import { clock, tint } from '../shared/ui.js';
import { LEVELS, show } from './lines.js';

/** A 4K screen shows 90 rows; nothing shows more of them than the pool has. */
const MOST_ROWS = 120;
const OVERSCAN = 6;
const CELLS = ['time', 'level', 'service', 'msg', 'kv', 'trace'];
/** In every line, or shown in a cell of their own. */
const UNSHOWN = new Set(['id', 'event_type']);

/** @param {Record<string, unknown>} fields */
const pairs = (fields) => Object.entries(fields).filter(([name]) => !UNSHOWN.has(name)).map(([name, value]) => `${name}=${show(value)}`).join('  ');

class Row {
  seq = -1;
  selected = false;
  marked = false;

  constructor() {
    this.el = document.createElement('div');
    this.el.className = 'row';
    this.el.setAttribute('role', 'option');
    this.el.setAttribute('aria-selected', 'false');
    this.cells = CELLS.map((name) => {
      const cell = document.createElement('span');
      cell.className = `c-${name}`;
      this.el.append(cell);
      return cell;
    });
  }

  /** @param {import('./lines.js').Line} line @param {number} index @param {boolean} selected @param {boolean} marked */
  show(line, index, selected, marked) {
    if (this.seq !== line.seq) {
      this.seq = line.seq;
      this.el.id = `line-${line.seq}`;
      this.el.dataset.level = line.p < 0 ? 'note' : LEVELS[line.level];
      const [time, level, service, msg, kv, trace] = this.cells;
      time.textContent = clock(line.ts);
      level.textContent = line.p < 0 ? '' : LEVELS[line.level];
      service.textContent = line.service.replace(/-service$/, '');
      service.className = `c-service ${tint(line.service)}`;
      msg.textContent = line.msg;
      kv.textContent = pairs(line.fields);
      trace.textContent = line.trace.slice(0, 8);
    }
    this.el.setAttribute('aria-posinset', String(index + 1));
    if (this.marked !== marked) {
      this.marked = marked;
      this.el.classList.toggle('marked', marked);
    }
    if (this.selected !== selected) {
      this.selected = selected;
      this.el.setAttribute('aria-selected', String(selected));
    }
  }
}

export class List {
  following = true;
  /** Seq of the selected line, -1 for none. */
  selected = -1;
  /** Seq of the line that the address named, -1 for none. */
  marked = -1;
  /** Line at the top edge and how many pixels of it are above, while not following. */
  #anchor = { seq: 0, over: 0 };
  #top = 0;
  #scrollTop = 0;
  #height = 24;
  /** @type {Row[]} */
  #rows = [];
  #frame = 0;

  /**
   * @param {HTMLElement} viewport scrolls; must be positioned
   * @param {import('./lines.js').View} view
   * @param {{ open: (seq: number) => void, changed: () => void }} on
   */
  constructor(viewport, view, on) {
    this.viewport = viewport;
    this.view = view;
    this.on = on;
    this.spacer = document.createElement('div');
    this.spacer.className = 'spacer';
    this.pool = document.createElement('div');
    this.pool.className = 'pool';
    this.spacer.append(this.pool);
    viewport.append(this.spacer);
    viewport.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    // A burst moves the end away every frame; the first sign of reading backwards must win over it.
    viewport.addEventListener('wheel', (event) => { if (event.deltaY < 0) this.#leaveEnd(); }, { passive: true });
    viewport.addEventListener('touchmove', () => this.#scrolled(), { passive: true });
    viewport.addEventListener('click', (event) => this.#clicked(event));
    new ResizeObserver(() => this.#resized()).observe(viewport);
    this.#resized();
  }

  /** Draws in the next frame; any number of calls make one. */
  draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#drawNow();
    });
  }

  follow() {
    this.following = true;
    this.draw();
    this.on.changed();
  }

  /** @param {number} seq -1 for none */
  select(seq) {
    this.selected = seq;
    if (seq >= 0) {
      const top = this.view.indexOf(seq) * this.#height;
      const { scrollTop, clientHeight } = this.viewport;
      if (top < scrollTop || top + this.#height > scrollTop + clientHeight) {
        this.following = false;
        this.#moveTo(top < scrollTop ? top : top + this.#height - clientHeight);
      }
    }
    this.draw();
    this.on.changed();
  }

  /** Selects and outlines a line in the middle of the view, also before all around it has come. @param {number} seq */
  mark(seq) {
    const { view } = this;
    this.selected = seq;
    this.marked = seq;
    this.following = false;
    if (view.length) this.#anchor = { seq: view.at(Math.max(0, Math.min(view.length - 1, view.indexOf(seq)) - (this.page >> 1))).seq, over: 0 };
    this.draw();
    this.on.changed();
  }

  /** Selects the line `by` rows on. @param {number} by */
  step(by) {
    const { view } = this;
    if (!view.length) return;
    const last = view.length - 1;
    const at = this.selected < 0 ? (by > 0 ? Math.floor(this.viewport.scrollTop / this.#height) - 1 : last + 1) : view.indexOf(this.selected);
    this.select(view.at(Math.min(last, Math.max(0, at + by))).seq);
  }

  /** Rows a page holds. */
  get page() { return Math.max(1, Math.floor(this.viewport.clientHeight / this.#height) - 1); }

  /** Oldest line that has to stay because it is being read. */
  get reading() {
    if ((this.following && this.view.limit === Infinity) || !this.view.length) return Infinity;
    return this.#top;
  }

  #resized() {
    const height = parseFloat(getComputedStyle(this.viewport).getPropertyValue('--row'));
    if (height) this.#height = height;
    this.draw();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.viewport;
    if (scrollTop === this.#scrollTop) return; // our own move
    const atEnd = scrollTop + clientHeight >= scrollHeight - this.#height / 2;
    const upwards = scrollTop < this.#scrollTop;
    this.#scrollTop = scrollTop;
    if (atEnd !== this.following && (atEnd || upwards)) {
      this.following = atEnd;
      this.on.changed();
    }
    this.#remember();
    this.draw();
  }

  #leaveEnd() {
    if (!this.following || this.viewport.scrollTop <= 0) return;
    this.following = false;
    this.#remember();
    this.on.changed();
  }

  #remember() {
    if (this.following || !this.view.length) return;
    const index = Math.min(this.view.length - 1, Math.floor(this.#scrollTop / this.#height));
    this.#anchor = { seq: this.view.at(index).seq, over: this.#scrollTop - index * this.#height };
  }

  /** @param {number} top */
  #moveTo(top) {
    this.viewport.scrollTop = top;
    this.#scrollTop = this.viewport.scrollTop; // as the browser rounded and clamped it
    this.#remember();
  }

  #drawNow() {
    const { view, viewport } = this;
    const length = view.length;
    const seen = viewport.clientHeight;
    this.spacer.style.setProperty('height', `${length * this.#height}px`);
    const end = Math.max(0, length * this.#height - seen);
    // Following keeps the end in sight; otherwise the line at the top stays where it is, whatever goes above it.
    const wanted = this.following ? end : Math.min(end, view.indexOf(this.#anchor.seq) * this.#height + this.#anchor.over);
    if (Math.abs(viewport.scrollTop - wanted) > 0.5) {
      viewport.scrollTop = wanted;
      this.#scrollTop = viewport.scrollTop;
    }
    const top = Math.floor(viewport.scrollTop / this.#height);
    if (length) this.#top = view.at(Math.min(length - 1, top)).seq;
    const first = Math.max(0, top - OVERSCAN);
    const shown = Math.min(MOST_ROWS, length - first, Math.ceil(seen / this.#height) + 2 * OVERSCAN);
    this.pool.style.setProperty('transform', `translateY(${first * this.#height}px)`);
    while (this.#rows.length < shown) {
      const row = new Row();
      this.#rows.push(row);
      this.pool.append(row.el);
    }
    this.#rows.forEach((row, i) => {
      row.el.hidden = i >= shown;
      if (i >= shown) return;
      const line = view.at(first + i);
      row.show(line, first + i, line.seq === this.selected, line.seq === this.marked);
    });
    const active = this.selected >= 0 && this.#rows.some((row) => !row.el.hidden && row.selected);
    if (active) viewport.setAttribute('aria-activedescendant', `line-${this.selected}`);
    else viewport.removeAttribute('aria-activedescendant');
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    if (getSelection()?.toString()) return; // the click ended a text selection
    const el = /** @type {HTMLElement} */ (event.target).closest('.row');
    const row = this.#rows.find((candidate) => candidate.el === el);
    if (!row || this.view.lines.get(row.seq).p < 0) return;
    this.select(row.seq);
    this.on.open(row.seq);
  }
}
