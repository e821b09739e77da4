// What the scripts say, in the person's language as the page has it.
export const words = JSON.parse(document.body.dataset.words);
