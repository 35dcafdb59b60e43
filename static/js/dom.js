// The few helpers that every module shares.
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];
export const one = (selector, within = document) => within.querySelector(selector);

/** True where a key is text and not a command. */
export const typing = (target) =>
  target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

/** A copy of the first element of a `<template>`: texts stay in the page, where they are translated. */
export const copy = (id) => one(`template#${id}`).content.firstElementChild.cloneNode(true);

/** Keeps a choice on this device; without storage it holds for this page. */
export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // as said
  }
}
