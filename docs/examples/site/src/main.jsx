import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

// config.json is written by the deployment, so that one build serves every environment.
const variables = await (await fetch("/config.json")).json();

function Orders() {
  const [orders, setOrders] = useState([]);
  const [problem, setProblem] = useState("");

  useEffect(() => {
    fetch(`${variables.API_URL}/orders`)
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
      .then(setOrders)
      .catch((error) => setProblem(error.message));
  }, []);

  return (
    <main>
      <h1>Orders</h1>
      {problem && <p role="alert">The orders could not be loaded: {problem}</p>}
      <ul>
        {orders.map((order) => (
          <li key={order.id}>{order.id}</li>
        ))}
      </ul>
    </main>
  );
}

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <Orders />
  </StrictMode>,
);
