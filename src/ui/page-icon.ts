/** A reel, as SVG: the browser's tab and the page's head. */
export const pageIcon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" fill="#b45309"/><g fill="#fff"><circle cx="16" cy="8" r="3.6"/><circle cx="23.6" cy="13.5" r="3.6"/><circle cx="20.7" cy="22.5" r="3.6"/><circle cx="11.3" cy="22.5" r="3.6"/><circle cx="8.4" cy="13.5" r="3.6"/><circle cx="16" cy="16" r="1.8"/></g></svg>
`;
