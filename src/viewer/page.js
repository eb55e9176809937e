// Shows any two scripts of the page beside each other. Without it, the page shows each version beside the
// one that it was written from.
'use strict';
(() => {
  const chooser = document.getElementById('choose');
  if (!chooser) return;
  const AROUND = 3, CELLS = 4e6, ROWS = 2000, WORDS = 300, ALIKE = 0.4;
  const [from, to] = chooser.querySelectorAll('select');
  const out = document.getElementById('chosen');
  const status = document.getElementById('chosen-status');
  const element = (name, className, ...content) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...content);
    return made;
  };
  const lines = (id) => {
    const text = document.getElementById(id).textContent;
    return text === '' ? [] : text.replace(/\n$/, '').split('\n');
  };

  // Pairs of indices of what both lists share, in order: a longest common subsequence.
  const shared = (a, b) => {
    let start = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start++;
    let tail = 0;
    while (tail < a.length - start && tail < b.length - start &&
      a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
    const n = a.length - start - tail, m = b.length - start - tail;
    const pairs = [];
    for (let i = 0; i < start; i++) pairs.push([i, i]);
    if (n > 0 && m > 0 && n * m <= CELLS) {
      const width = m + 1;
      const best = new Uint32Array((n + 1) * width);
      for (let i = n - 1; i >= 0; i--) {
        for (let j = m - 1; j >= 0; j--) {
          best[i * width + j] = a[start + i] === b[start + j]
            ? best[(i + 1) * width + j + 1] + 1
            : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
        }
      }
      for (let i = 0, j = 0; i < n && j < m;) {
        if (a[start + i] === b[start + j]) pairs.push([start + i++, start + j++]);
        else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) i++;
        else j++;
      }
    }
    for (let i = tail; i > 0; i--) pairs.push([a.length - i, b.length - i]);
    return pairs;
  };

  // The words of two lines as nodes, those that one side alone has in the given element.
  const words = (a, b) => {
    const split = (text) => text.match(/[\p{L}\p{N}_]+|\s+|[^\s\p{L}\p{N}_]/gu) || [];
    const [left, right] = [split(a), split(b)];
    if (left.length > WORDS || right.length > WORDS) return [[a], [b]];
    const pairs = shared(left, right);
    if (2 * pairs.length < ALIKE * (left.length + right.length)) return [[a], [b]];
    const side = (all, own, tag) => {
      const same = new Set(pairs.map((pair) => pair[own]));
      return all.map((word, n) => (same.has(n) ? word : element(tag, '', word)));
    };
    return [side(left, 0, 'del'), side(right, 1, 'ins')];
  };

  const cell = (className, sign, said, number, nodes) => {
    const made = element('td', className);
    if (number === null) return made;
    made.append(element('span', 'no', `${String(number).padStart(4)} ${sign} `));
    if (said) made.append(element('span', 'hidden', said));
    made.append(...nodes);
    return made;
  };
  const row = (i, j, a, b) => {
    if (i !== null && j !== null && a[i] === b[j]) {
      return element('tr', '', cell('same', ' ', '', i + 1, [a[i]]), cell('', ' ', '', j + 1, [b[j]]));
    }
    const [left, right] = i !== null && j !== null ? words(a[i], b[j])
      : [i === null ? [] : [a[i]], j === null ? [] : [b[j]]];
    return element('tr', '',
      i === null ? cell('none', '', '', null, []) : cell('old', '−', 'removed: ', i + 1, left),
      j === null ? cell('none', '', '', null, []) : cell('new', '+', 'added: ', j + 1, right));
  };

  const show = () => {
    const [a, b] = [lines(from.value), lines(to.value)];
    const rows = [];
    let [i, j] = [0, 0];
    let [removed, added] = [0, 0];
    for (const [x, y] of [...shared(a, b), [a.length, b.length]]) {
      removed += x - i;
      added += y - j;
      while (i < x || j < y) rows.push({ i: i < x ? i++ : null, j: j < y ? j++ : null, same: false });
      if (x < a.length && y < b.length) rows.push({ i: i++, j: j++, same: true });
    }
    const near = rows.map(() => false);
    rows.forEach(({ same }, n) => {
      if (!same) near.fill(true, Math.max(0, n - AROUND), n + AROUND + 1);
    });
    const body = element('tbody', '');
    let hidden = false;
    rows.forEach(({ i: left, j: right }, n) => {
      if (body.childElementCount > ROWS) return;
      if (near[n]) body.append(row(left, right, a, b));
      else if (!hidden) {
        const gap = element('td', '', '⋯');
        gap.colSpan = 2;
        body.append(element('tr', 'gap', gap));
      }
      hidden = !near[n];
    });
    const names = [from, to].map((select) => select.selectedOptions[0].dataset.name);
    const heads = names.map((name) => {
      const head = element('th', '', name);
      head.scope = 'col';
      return head;
    });
    const table = element('table', 'diff', element('caption', 'hidden', `${names[0]} beside ${names[1]}`),
      element('thead', '', element('tr', '', ...heads)), body);
    status.textContent = added + removed === 0 ? `${names[0]} and ${names[1]} are the same`
      : `${names[0]} to ${names[1]}: +${added} −${removed} lines`;
    out.replaceChildren(...(added + removed === 0 ? [] : [table]));
  };
  chooser.hidden = false;
  from.addEventListener('change', show);
  to.addEventListener('change', show);
  show();
})();
