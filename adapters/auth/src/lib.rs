//! Password hashing (PBKDF2) and access tokens (JWT).
