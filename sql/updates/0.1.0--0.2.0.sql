-- From 0.1.0 to 0.2.0: what the repeated install script cannot do. See docs/releasing.md.

-- Accounts that are due at one time come in the order of their users.
DROP INDEX dreamsuite.account_state_due;

