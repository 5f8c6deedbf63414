/** Sets a password by the link that came by e-mail: `/password/#user/token`. */

const form = document.getElementById("password");
const error = document.getElementById("password-error");
const [user, token] = location.hash.slice(1).split("/");

/** Returns what is wrong, or null when the password is set. */
async function confirm(body) {
  const response = await fetch("/api/password/confirm/", {
    method: "POST",
    credentials: "omit",
    headers: { Accept: "application/json", "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (response.ok) return null;
  const data = await response.json().catch(() => ({}));
  return data.new?.join(" ") ?? data.detail ?? "This link is not complete; open it from the e-mail again.";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const wrong = await confirm({ user, token, new: form.elements.new.value }).catch(
    () => "The server is not responding; try again.",
  );
  error.textContent = wrong;
  error.hidden = wrong === null;
  form.hidden = wrong === null;
  document.getElementById("password-done").hidden = wrong !== null;
});
