/** What the markup of Swagger UI lacks for those who find their way by landmarks, headings and names. */

(() => {
  const { SwaggerUIBundle } = window;

  const plugin = {
    // Within a button, a call's address is no second control.
    components: { DeepLink: ({ text }) => text },
    wrapComponents: {
      InfoContainer: (Information, { React }) => (properties) =>
        React.createElement("section", { "aria-label": "About" }, React.createElement(Information, properties)),
      ExamplesSelect: (Select, { React }) => (properties) =>
        React.createElement("label", null, "Example ", React.createElement(Select, properties)),
      operations: (Operations, { React }) => (properties) => [
        React.createElement("h2", { key: "heading", className: "calls" }, "Calls"),
        React.createElement(Operations, { key: "calls", ...properties }),
      ],
    },
  };

  window.SwaggerUIBundle = Object.assign(
    ({ plugins, ...options }) => SwaggerUIBundle({ ...options, plugins: [...plugins, plugin] }),
    SwaggerUIBundle,
  );
})();
