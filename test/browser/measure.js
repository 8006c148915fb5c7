// Runs inside the page, by the test, and returns what a reader would stumble over. The page itself has no script.
(() => {
    const found = {overflow: [], contrast: [], strokes: [], overlap: [], names: [], markup: []};
    const root = document.documentElement;
    const width = root.clientWidth;
    const say = (e) => e.tagName.toLowerCase() + (e.className && e.className.baseVal === undefined ? '.' + e.className : '') +
        ' "' + (e.textContent || '').trim().slice(0, 40) + '"';

    // what a screen reader alone is to read takes no room
    const hidden = (e) => e.closest('.vh, .skip, svg title, svg desc, head') !== null || !e.checkVisibility({contentVisibilityAuto: true});

    if (root.scrollWidth > width)
        found.overflow.push('the page is ' + root.scrollWidth + ' px wide in a window of ' + width);
    for (const e of document.body.querySelectorAll('*')) {
        if (hidden(e)) continue;
        const box = e.getBoundingClientRect();
        if (box.width === 0 && box.height === 0) continue;
        // what is cut with an ellipsis reaches further than is seen
        let cut = false;
        for (let at = e.parentElement; at && !cut; at = at.parentElement) cut = getComputedStyle(at).textOverflow === 'ellipsis';
        if (cut) continue;
        if (box.right > width + 0.5 || box.left < -0.5)
            found.overflow.push(say(e) + ' reaches from ' + box.left.toFixed(0) + ' to ' + box.right.toFixed(0));
        const style = getComputedStyle(e);
        if (!(e instanceof SVGElement) && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && style.display !== 'inline'
            && style.textOverflow !== 'ellipsis' && !e.matches('.plot, .plot *, .scale8, .interval, .card'))
            found.overflow.push(say(e) + ' holds ' + e.scrollWidth + ' px in ' + e.clientWidth);
    }

    // colours: WCAG 2.2, relative luminance and contrast ratio
    const parse = (text) => {
        const n = text.match(/[\d.]+/g).map(Number);
        return {r: n[0], g: n[1], b: n[2], a: n.length > 3 ? n[3] : 1};
    };
    const over = (top, under) => ({r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a),
        b: top.b * top.a + under.b * (1 - top.a), a: 1});
    const channel = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    const luminance = (c) => 0.2126 * channel(c.r) + 0.7152 * channel(c.g) + 0.0722 * channel(c.b);
    const ratio = (a, b) => {
        const x = luminance(a), y = luminance(b);
        return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
    };
    const behind = (e) => {
        const layers = [];
        for (let at = e; at; at = at.parentElement) {
            const c = parse(getComputedStyle(at).backgroundColor);
            if (c.a > 0) layers.push(c);
            if (c.a === 1) break;
        }
        let colour = {r: 255, g: 255, b: 255, a: 1};
        for (const layer of layers.reverse()) colour = over(layer, colour);
        return colour;
    };
    const seen = new Set();
    let texts = 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const e = node.parentElement;
        if (!node.data.trim() || hidden(e)) continue;
        texts++;
        const under = behind(e);
        const measured = ratio(over(parse(getComputedStyle(e).color), under), under);
        if (measured < 4.5 && !seen.has(say(e))) {
            seen.add(say(e));
            found.contrast.push(say(e) + ' has ' + measured.toFixed(2) + ':1');
        }
    }
    for (const e of document.querySelectorAll('.area .line, .spark .line, .spark .dot')) {
        const measured = ratio(parse(getComputedStyle(e).stroke), behind(e.closest('.panel, .card')));
        if (measured < 3) found.strokes.push(e.getAttribute('class') + ' has ' + measured.toFixed(2) + ':1');
    }

    // words of the charts do not lie on each other
    for (const group of ['.ends > span', '.flags > span', '.ys > span', '.xs > span', '.scale8 > span']) {
        for (const parent of new Set([...document.querySelectorAll(group)].map((e) => e.parentElement))) {
            const boxes = [...parent.children].filter((e) => e.checkVisibility()).map((e) => [e, e.getBoundingClientRect()]);
            for (let i = 0; i < boxes.length; i++)
                for (let j = i + 1; j < boxes.length; j++) {
                    const a = boxes[i][1], b = boxes[j][1];
                    if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
                        found.overlap.push(say(boxes[i][0]) + ' lies on ' + say(boxes[j][0]));
                }
        }
    }

    // names for a screen reader
    for (const e of document.querySelectorAll('[role=img]')) {
        const title = e.querySelector(':scope > title');
        if (!(e.getAttribute('aria-label') || (title && title.textContent.trim()))) found.names.push(say(e) + ' has no name');
    }
    for (const e of document.querySelectorAll('svg:not([role=img])'))
        if (e.getAttribute('aria-hidden') !== 'true') found.names.push('a drawing is neither named nor hidden');
    for (const e of document.querySelectorAll('[aria-labelledby]'))
        for (const id of e.getAttribute('aria-labelledby').split(' '))
            if (!document.getElementById(id)) found.names.push('no element is called ' + id);
    const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.names.push('two elements are called ' + id);
    let level = 0;
    for (const e of document.querySelectorAll('h1, h2, h3, h4')) {
        const own = Number(e.tagName[1]);
        if (own > level + 1) found.names.push(say(e) + ' skips a level of headings');
        level = own;
    }
    if (document.querySelectorAll('h1').length !== 1) found.names.push('there is not one h1');
    if (!root.lang) found.names.push('the language is not told');
    for (const e of document.querySelectorAll('table')) if (!e.querySelector('th, caption')) found.names.push('a table has no heads');

    // nothing that the page's own code does not write
    const ours = new Set(('html head meta title link style body a div header p svg path h1 h2 h3 bdi span time dl dt dd main section ul ol ' +
        'li data small details summary table caption thead tbody tr th td b i abbr desc code pre footer').split(' '));
    for (const e of document.querySelectorAll('*')) {
        if (!ours.has(e.tagName.toLowerCase())) found.markup.push('there is a ' + e.tagName.toLowerCase());
        for (const a of e.attributes) {
            if (a.name.startsWith('on')) found.markup.push('there is an ' + a.name);
            if ((a.name === 'href' || a.name === 'src') && !/^(https?:\/\/|#|data:image\/svg)/.test(a.value))
                found.markup.push('there is a link to ' + a.value.slice(0, 40));
        }
    }
    return {found, texts, width, height: root.scrollHeight};
})()
