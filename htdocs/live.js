// Makes the pages livelier. Every page works without it: it only saves reloading, time zones and double clicks.
"use strict";

// Times

const two = (number) => String(number).padStart(2, "0");

/** Shows the times below `root` as the visitor's clock does; UTC is in the tooltip. */
function localise(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
        const moment = new Date(time.dateTime);
        if (isNaN(moment)) continue;
        const [day, clock] = time.children;
        time.title = time.dateTime.replace("T", " ").replace("Z", " UTC");
        day.textContent = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
        clock.textContent = `${two(moment.getHours())}:${two(moment.getMinutes())}`;
    }
}

// A page that changes by itself: `<main data-live>`

const shortestPause = 2000;
const longestPause = 10_000;
const longestFailing = 60_000;

let pause = shortestPause;
let timer;
/** Something new is on the page, apart from durations, which always are. */
let isNew = false;
/** Something was left as it is for the reader's sake, and has to be caught up on. */
let isBehind = false;

const main = () => document.querySelector("main");

/** Looks again after a while, if the page is live and somebody sees it. */
function watch() {
    clearTimeout(timer);
    if (document.hidden || !(isBehind || main().hasAttribute("data-live"))) return;
    timer = setTimeout(look, pause);
}

async function look() {
    try {
        const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(20_000) });
        if (answer.redirected) return tell("You are signed out. Reload the page to sign in again.");
        if (answer.status === 404) return tell("This is not there any more.");
        if (!answer.ok) throw new Error(answer.statusText);
        show(new DOMParser().parseFromString(await answer.text(), "text/html"));
        pause = isNew ? shortestPause : Math.min(pause * 1.5, longestPause);
    } catch {
        pause = Math.min(pause * 2, longestFailing);
        tell("The server does not answer, so this may be out of date. Trying again.");
    }
    watch();
}

/** Says something above all else. What is fetched next does not hold it, so it goes by itself. */
function tell(sentence) {
    const note = document.getElementById("stale") ?? document.createElement("p");
    note.id = "stale";
    note.className = "problem";
    note.setAttribute("role", "status");
    if (note.textContent !== sentence) note.textContent = sentence;
    if (!note.isConnected) main().prepend(note);
}

/** Changes on the page only what differs from `fresh`: focus, selection, scrolling and what was opened stay. */
function show(fresh) {
    const from = fresh.querySelector("main");
    if (!from) throw new Error("not one of our pages");
    localise(from);
    isNew = isBehind = false;
    const hadFocus = main().contains(document.activeElement);
    const isLast = !from.hasAttribute("data-live");
    const places = [...document.querySelectorAll(".log")].map((log) => [log, log.scrollTop, hidden(log)]);
    update(main(), from, isLast);
    // A log counts from its end. Who reads further up goes on reading the same lines.
    for (const [log, top, before] of places) if (top < -2) log.scrollTop = top + before - hidden(log);
    document.title = fresh.title;
    if (hadFocus && !main().contains(document.activeElement)) {
        main().tabIndex = -1;
        main().focus({ preventScroll: true });
    }
}

const hidden = (box) => box.scrollHeight - box.clientHeight;

function update(old, fresh, isLast) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType === Node.TEXT_NODE) return updateText(old, fresh.data, isLast);
    for (const { name } of [...old.attributes]) {
        if (!fresh.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
        if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    updateChildren(old, fresh, isLast);
}

/** Goes through both lists at once: an element is found again by its id, or else as the next one of its kind. */
function updateChildren(old, fresh, isLast) {
    let place = old.firstChild;
    for (const next of [...fresh.childNodes]) {
        const known = counterpart(old, place, next);
        if (!known) {
            old.insertBefore(document.importNode(next, true), place);
            isNew = true;
            continue;
        }
        if (next.id && known !== place) {
            old.insertBefore(known, place);
        } else {
            while (place !== known) place = removed(place);
            place = place.nextSibling;
        }
        update(known, next, isLast);
    }
    while (place) place = removed(place);
}

function counterpart(old, place, next) {
    if (next.id) return [...old.children].find((child) => child.id === next.id && child.localName === next.localName);
    if (next.nodeType === Node.TEXT_NODE) return place?.nodeType === Node.TEXT_NODE ? place : null;
    while (place && (place.id || place.nodeName !== next.nodeName)) place = place.nextSibling;
    return place;
}

/** Removes a node and returns the one after it. */
function removed(node) {
    const after = node.nextSibling;
    node.remove();
    isNew = true;
    return after;
}

function updateText(old, text, isLast) {
    if (!old.parentElement.closest(".ticks")) isNew = true;
    const log = old.parentElement.closest(".log");
    if (text.startsWith(old.data)) {
        // What is added at the end disturbs neither selection nor reading.
        old.appendData(text.slice(old.data.length));
    } else if (isSelected(old) || (log && log.scrollTop < -2 && !isLast)) {
        isBehind = true;
    } else {
        old.data = text;
    }
}

function isSelected(node) {
    const selection = getSelection();
    return !selection.isCollapsed && selection.containsNode(node, true);
}

// Forms

/** Shows those fields that are asked for, given the values of others. Order matters: one may depend on one that depends. */
function settle() {
    for (const field of document.querySelectorAll("[data-when]")) {
        const { when, is } = field.dataset;
        const controls = [...field.closest("form").elements].filter((control) => control.name === when && !control.disabled);
        const values = controls.filter((control) => control.type !== "checkbox" || control.checked).map(({ value }) => value);
        // A box alone says no by saying nothing.
        if (controls.length === 1 && !values.length) values.push("no");
        const isAsked = values.some((value) => is.split("\n").includes(value));
        field.hidden = !isAsked;
        for (const control of field.querySelectorAll("input, select, textarea")) {
            control.disabled = !isAsked;
            control.required ||= "required" in control.dataset;
        }
    }
}

for (const event of ["input", "change"]) addEventListener(event, settle);

/** Files of less are sent before anybody could read a number. Bytes. */
const worthWatching = 1_000_000;

addEventListener("submit", (event) => {
    const form = event.target;
    clearTimeout(timer);
    const files = [...form.querySelectorAll("input[type=file]")].flatMap((input) => [...input.files]);
    const size = files.reduce((sum, file) => sum + file.size, 0);
    // Afterwards, so that the form is sent as it is.
    setTimeout(() => setButtons(form, false));
    if (size >= worthWatching) {
        event.preventDefault();
        upload(form, event.submitter);
    } else {
        // For whoever stopped the browser from loading the answer.
        setTimeout(() => setButtons(form, true), 10_000);
    }
});

function setButtons(root, areEnabled) {
    for (const button of root.querySelectorAll("button")) button.disabled = !areEnabled;
}

/** Sends a form as a press of `button` does, and shows how far it is. */
function upload(form, button) {
    const bar = document.createElement("progress");
    const words = document.createElement("p");
    bar.setAttribute("aria-label", "Upload");
    words.className = "quiet";
    words.textContent = "Sending …";
    form.querySelector("#upload-failed")?.remove();
    form.append(bar, words);
    const warn = (event) => event.preventDefault();
    addEventListener("beforeunload", warn);

    const request = new XMLHttpRequest();
    request.upload.onprogress = ({ loaded, total }) => {
        bar.max = total;
        bar.value = loaded;
        const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
        words.textContent =
            loaded < total ? `${megabytes(loaded)} of ${megabytes(total)} MB sent` : "Sent. The server is storing it.";
    };
    request.onloadend = () => {
        removeEventListener("beforeunload", warn);
        // The browser has followed the redirect that a success is answered with. A preview comes without one.
        const isElsewhere = request.responseURL !== form.action;
        if (request.status >= 200 && request.status < 400 && isElsewhere) return location.assign(request.responseURL);
        const page = new DOMParser().parseFromString(request.responseText, "text/html");
        const from = page.querySelector("main");
        if (from && request.status) return replaceMain(page, from);
        bar.remove();
        words.id = "upload-failed";
        words.className = "problem";
        words.setAttribute("role", "alert");
        words.textContent = request.status
            ? `The server did not take it (${request.status} ${request.statusText}).`
            : "The connection broke off before everything was sent. Try again.";
        setButtons(form, true);
    };
    request.open("POST", form.action);
    request.send(new FormData(form, button));
}

/** Shows the page that a form was answered with: the form again, and what is wrong with it. */
function replaceMain(page, from) {
    localise(from);
    main().replaceWith(document.importNode(from, true));
    settle();
    document.title = page.title;
    const problem = document.querySelector("[role=alert], #preview") ?? main();
    problem.tabIndex = -1;
    problem.focus();
}

// The beginning

localise(document);
settle();
watch();
document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    // Whoever comes back wants to see at once how it stands.
    if (!document.hidden && main().hasAttribute("data-live")) look();
});
// A page that the browser kept comes back as it was left: with its buttons off, and not looking.
addEventListener("pageshow", (event) => {
    setButtons(document, true);
    settle();
    if (event.persisted) watch();
});
