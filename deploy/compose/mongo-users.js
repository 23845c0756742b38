// Runs once, when the data volume is new: each service may use its own database and no other.
for (const service of ['users-service', 'payments-service', 'inventories-service']) {
  const database = `${service}-database`;
  db.getSiblingDB(database).createUser({
    user: service,
    pwd: process.env.MONGO_PASSWORD,
    roles: [{ role: 'readWrite', db: database }],
  });
}
