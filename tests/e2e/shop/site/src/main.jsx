import { useState } from "react";
import { createRoot } from "react-dom/client";

const variables = await (await fetch("/config.json")).json();

function Shop() {
  const [login, setLogin] = useState({ key: "", user: "", password: "" });
  const [orders, setOrders] = useState([]);
  const [status, setStatus] = useState("");

  async function call(method, body) {
    const headers = { "x-api-key": login.key, authorization: `Basic ${btoa(`${login.user}:${login.password}`)}` };
    const answer = await fetch(`${variables.API_URL}/orders`, { method, body, headers });
    setStatus(`${method} ${answer.status}`);
    return answer.ok ? answer.json() : [];
  }

  const field = (name) => (
    <input
      id={name}
      type={name === "password" ? "password" : "text"}
      onChange={(event) => setLogin((before) => ({ ...before, [name]: event.target.value }))}
    />
  );
  return (
    <main>
      <h1>Shop</h1>
      {["key", "user", "password"].map((name) => (
        <label key={name}>
          {name} {field(name)}
        </label>
      ))}
      <button id="order" onClick={() => call("POST", JSON.stringify({ order: "tea" }))}>
        Order
      </button>
      <button id="show" onClick={async () => setOrders(await call("GET"))}>
        Show
      </button>
      <p id="status">{status}</p>
      <ul>
        {orders.map((order) => (
          <li key={order}>{order}</li>
        ))}
      </ul>
    </main>
  );
}

createRoot(document.getElementById("root")).render(<Shop />);
