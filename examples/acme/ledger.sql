-- The example's ledger: who bought what from Acme, and what was paid. Amounts are in cents.
PRAGMA foreign_keys = ON;
BEGIN;

CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL,
  country TEXT NOT NULL,             -- ISO 3166-1, two letters
  payment_days INTEGER NOT NULL      -- due so many days after the invoice's date
);

CREATE TABLE invoices (
  id INTEGER PRIMARY KEY,
  number TEXT NOT NULL UNIQUE,
  customer_id INTEGER NOT NULL REFERENCES customers (id),
  description TEXT NOT NULL,
  issued_on TEXT NOT NULL,           -- YYYY-MM-DD
  due_on TEXT NOT NULL,
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  status TEXT NOT NULL CHECK (status IN ('draft', 'sent', 'paid', 'void'))
);
CREATE INDEX invoices_by_customer ON invoices (customer_id, issued_on);

CREATE TABLE payments (
  id INTEGER PRIMARY KEY,
  invoice_id INTEGER NOT NULL REFERENCES invoices (id),
  paid_on TEXT NOT NULL,
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  method TEXT NOT NULL CHECK (method IN ('transfer', 'card', 'cheque'))
);
CREATE INDEX payments_by_invoice ON payments (invoice_id);

-- What is still owed: invoices that were sent, less what was paid on them.
CREATE VIEW outstanding_invoices AS
SELECT i.id, i.number, c.name AS customer, i.issued_on, i.due_on, i.amount_cents,
       coalesce(sum(p.amount_cents), 0) AS paid_cents,
       i.amount_cents - coalesce(sum(p.amount_cents), 0) AS outstanding_cents
FROM invoices i
JOIN customers c ON c.id = i.customer_id
LEFT JOIN payments p ON p.invoice_id = i.id
WHERE i.status = 'sent'
GROUP BY i.id
HAVING outstanding_cents > 0;

INSERT INTO customers (id, name, email, country, payment_days) VALUES
  (1, 'Globex Corporation', 'accounts@globex.example', 'AU', 30),
  (2, 'Initech', 'billing@initech.example', 'US', 30),
  (3, 'Hooli', 'ap@hooli.example', 'US', 45),
  (4, 'Umbrella Health', 'finance@umbrella.example', 'GB', 30),
  (5, 'Stark Industries', 'payables@stark.example', 'US', 60),
  (6, 'Wayne Logistics', 'invoices@wayne.example', 'US', 30),
  (7, 'Cyberdyne Systems', 'ap@cyberdyne.example', 'US', 14),
  (8, 'Soylent Foods', 'accounts@soylent.example', 'NZ', 30);

INSERT INTO invoices (id, number, customer_id, description, issued_on, due_on, amount_cents, status) VALUES
  (1, 'INV-2026-0001', 8, 'Landing pages', '2026-03-03', '2026-04-02', 159900, 'paid'),
  (2, 'INV-2026-0002', 3, 'Search campaign', '2026-03-12', '2026-04-26', 312500, 'paid'),
  (3, 'INV-2026-0003', 4, 'Search campaign', '2026-03-18', '2026-04-17', 410000, 'paid'),
  (4, 'INV-2026-0004', 5, 'Monthly retainer', '2026-03-27', '2026-05-26', 75000, 'paid'),
  (5, 'INV-2026-0005', 7, 'Analytics setup', '2026-04-04', '2026-04-18', 98025, 'paid'),
  (6, 'INV-2026-0006', 4, 'Newsletter design', '2026-04-07', '2026-05-07', 98025, 'paid'),
  (7, 'INV-2026-0007', 7, 'Photo shoot', '2026-04-16', '2026-04-30', 98025, 'paid'),
  (8, 'INV-2026-0008', 8, 'Landing pages', '2026-04-22', '2026-05-22', 411250, 'paid'),
  (9, 'INV-2026-0009', 6, 'Support hours', '2026-05-01', '2026-05-31', 57900, 'sent'),
  (10, 'INV-2026-0010', 5, 'Search campaign', '2026-05-09', '2026-07-08', 75000, 'paid'),
  (11, 'INV-2026-0011', 6, 'Search campaign', '2026-05-14', '2026-06-13', 240000, 'paid'),
  (12, 'INV-2026-0012', 8, 'Monthly retainer', '2026-05-17', '2026-06-16', 240000, 'paid'),
  (13, 'INV-2026-0013', 1, 'Landing pages', '2026-05-26', '2026-06-25', 75000, 'void'),
  (14, 'INV-2026-0014', 4, 'Analytics setup', '2026-06-02', '2026-07-02', 150000, 'paid'),
  (15, 'INV-2026-0015', 3, 'Website redesign', '2026-06-05', '2026-07-20', 75000, 'paid'),
  (16, 'INV-2026-0016', 1, 'Landing pages', '2026-06-10', '2026-07-10', 419900, 'paid'),
  (17, 'INV-2026-0017', 7, 'Analytics setup', '2026-06-18', '2026-07-02', 66090, 'sent'),
  (18, 'INV-2026-0018', 1, 'Monthly retainer', '2026-06-25', '2026-07-25', 84900, 'paid'),
  (19, 'INV-2026-0019', 8, 'Search campaign', '2026-07-02', '2026-08-01', 165050, 'paid'),
  (20, 'INV-2026-0020', 6, 'Photo shoot', '2026-07-11', '2026-08-10', 411250, 'paid'),
  (21, 'INV-2026-0021', 8, 'Newsletter design', '2026-07-17', '2026-08-16', 57900, 'paid'),
  (22, 'INV-2026-0022', 7, 'Landing pages', '2026-07-26', '2026-08-09', 120000, 'sent'),
  (23, 'INV-2026-0023', 1, 'Website redesign', '2026-08-04', '2026-09-03', 66090, 'paid'),
  (24, 'INV-2026-0024', 7, 'Landing pages', '2026-08-12', '2026-08-26', 165050, 'paid'),
  (25, 'INV-2026-0025', 7, 'Search campaign', '2026-08-20', '2026-09-03', 49250, 'sent'),
  (26, 'INV-2026-0026', 4, 'Monthly retainer', '2026-08-29', '2026-09-28', 313750, 'paid'),
  (27, 'INV-2026-0027', 8, 'Content plan', '2026-09-04', '2026-10-04', 75000, 'sent'),
  (28, 'INV-2026-0028', 3, 'Landing pages', '2026-09-07', '2026-10-22', 48000, 'paid'),
  (29, 'INV-2026-0029', 7, 'Content plan', '2026-09-12', '2026-09-26', 174950, 'sent'),
  (30, 'INV-2026-0030', 7, 'Photo shoot', '2026-09-18', '2026-10-02', 249900, 'sent'),
  (31, 'INV-2026-0031', 3, 'Monthly retainer', '2026-09-27', '2026-11-11', 66090, 'paid'),
  (32, 'INV-2026-0032', 2, 'Support hours', '2026-10-02', '2026-11-01', 410000, 'sent'),
  (33, 'INV-2026-0033', 3, 'Analytics setup', '2026-10-05', '2026-11-19', 151250, 'sent'),
  (34, 'INV-2026-0034', 8, 'Content plan', '2026-10-12', '2026-11-11', 76250, 'sent'),
  (35, 'INV-2026-0035', 2, 'Photo shoot', '2026-10-18', '2026-11-17', 240000, 'sent'),
  (36, 'INV-2026-0036', 1, 'Content plan', '2026-10-23', '2026-11-22', 322400, 'sent'),
  (37, 'INV-2026-0037', 8, 'Photo shoot', '2026-10-31', '2026-11-30', 107925, 'sent'),
  (38, 'INV-2026-0038', 6, 'Support hours', '2026-11-09', '2026-12-09', 49250, 'sent'),
  (39, 'INV-2026-0039', 5, 'Monthly retainer', '2026-11-16', '2027-01-15', 165050, 'draft'),
  (40, 'INV-2026-0040', 4, 'Monthly retainer', '2026-11-20', '2026-12-20', 66090, 'draft');

INSERT INTO payments (id, invoice_id, paid_on, amount_cents, method) VALUES
  (1, 1, '2026-04-02', 159900, 'transfer'),
  (2, 3, '2026-04-15', 410000, 'cheque'),
  (3, 6, '2026-04-17', 49012, 'card'),
  (4, 5, '2026-04-18', 98025, 'transfer'),
  (5, 2, '2026-04-26', 312500, 'transfer'),
  (6, 7, '2026-05-03', 98025, 'cheque'),
  (7, 6, '2026-05-06', 49013, 'transfer'),
  (8, 4, '2026-05-17', 75000, 'transfer'),
  (9, 8, '2026-05-22', 411250, 'card'),
  (10, 9, '2026-06-11', 28950, 'transfer'),
  (11, 11, '2026-06-13', 240000, 'transfer'),
  (12, 12, '2026-06-14', 240000, 'transfer'),
  (13, 14, '2026-06-23', 150000, 'cheque'),
  (14, 16, '2026-07-10', 419900, 'cheque'),
  (15, 10, '2026-07-11', 75000, 'transfer'),
  (16, 19, '2026-07-12', 82525, 'transfer'),
  (17, 17, '2026-07-13', 33045, 'cheque'),
  (18, 18, '2026-07-16', 84900, 'transfer'),
  (19, 15, '2026-07-18', 75000, 'transfer'),
  (20, 19, '2026-07-31', 82525, 'cheque'),
  (21, 20, '2026-08-08', 411250, 'transfer'),
  (22, 21, '2026-08-16', 57900, 'transfer'),
  (23, 24, '2026-08-29', 165050, 'transfer'),
  (24, 23, '2026-08-30', 66090, 'transfer'),
  (25, 26, '2026-09-19', 313750, 'cheque'),
  (26, 30, '2026-09-24', 62475, 'cheque'),
  (27, 28, '2026-10-20', 48000, 'card'),
  (28, 31, '2026-11-07', 66090, 'transfer');

COMMIT;
