/** A new element with these properties. */
export const element = (name, properties = {}) =>
  Object.assign(document.createElement(name), properties);
