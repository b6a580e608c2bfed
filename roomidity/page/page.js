"use strict";
// The token stands behind the #, which the browser sends to no server.
const token = location.hash.slice(1);
if (token) {
  fetch("v1/house/forecasts", { headers: { Authorization: `Bearer ${token}` } })
    .then((answer) => answer.json())
    .then((found) => {
      document.getElementById("forecasts").textContent = JSON.stringify(found, null, 1);
    });
}
