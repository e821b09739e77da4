-- The core system's own database. Times are UTC in columns without a zone; codes are padded to their column's width.
CREATE SCHEMA erp;

CREATE TABLE erp.company (
  name       varchar(80) PRIMARY KEY,
  currency   char(3) NOT NULL,
  changed_at timestamp NOT NULL
);

-- Bill-to and ship-to alike: a bill-to names itself in bill_to, a branch the one that pays.
CREATE TABLE erp.customer (
  cust_no    char(12) PRIMARY KEY,
  bill_to    char(12) NOT NULL REFERENCES erp.customer,
  name       varchar(80) NOT NULL,
  class      char(8) NOT NULL,
  currency   char(3) NOT NULL,
  tax_rate   numeric(5,2) NOT NULL, -- per cent
  discount   numeric(5,2) NOT NULL, -- per cent off the list price
  street     varchar(80) NOT NULL,
  street2    varchar(80),
  zip        varchar(12) NOT NULL,
  city       varchar(60) NOT NULL,
  region     varchar(40),
  country    char(2) NOT NULL,
  phone      varchar(30),
  changed_at timestamp NOT NULL
);
CREATE INDEX customer_bill_to ON erp.customer (bill_to);

-- covers: whose customers they sell to; of buyers, nobody's
CREATE TABLE erp.employee (
  emp_no     char(6) PRIMARY KEY,
  full_name  varchar(80) NOT NULL,
  job        varchar(60) NOT NULL,
  email      varchar(120) NOT NULL,
  phone      varchar(30) NOT NULL,
  covers     char(2)[] NOT NULL
);
INSERT INTO erp.employee VALUES
  ('E101', 'Marlene Vogt', 'Key account manager', 'marlene.vogt@host.example', '+49 30 5550 101', '{DE,AT}'),
  ('E102', 'Sander de Wit', 'Account manager', 'sander.dewit@host.example', '+49 30 5550 102', '{NL,BE,LU}'),
  ('E103', 'Claire Fournier', 'Account manager', 'claire.fournier@host.example', '+49 30 5550 103', '{FR,ES,IT}'),
  ('E104', 'Owen Pritchard', 'Export sales', 'owen.pritchard@host.example', '+49 30 5550 104', '{GB,US}'),
  ('E201', 'Paula Stern', 'Buyer, compounds', 'paula.stern@host.example', '+49 30 5550 201', '{}'),
  ('E202', 'Henk Verburg', 'Buyer, steel and textiles', 'henk.verburg@host.example', '+49 30 5550 202', '{}'),
  ('E203', 'Ilse Brandt', 'Buyer, finished goods', 'ilse.brandt@host.example', '+49 30 5550 203', '{}');

CREATE TABLE erp.vendor (
  vend_no    char(10) PRIMARY KEY,
  name       varchar(80) NOT NULL,
  class      char(8) NOT NULL,
  currency   char(3) NOT NULL,
  street     varchar(80) NOT NULL,
  zip        varchar(12) NOT NULL,
  city       varchar(60) NOT NULL,
  region     varchar(40),
  country    char(2) NOT NULL,
  phone      varchar(30),
  changed_at timestamp NOT NULL
);

CREATE TABLE erp.vendor_plant (
  vend_no    char(10) NOT NULL REFERENCES erp.vendor,
  plant_no   smallint NOT NULL,
  name       varchar(80) NOT NULL,
  street     varchar(80) NOT NULL,
  zip        varchar(12) NOT NULL,
  city       varchar(60) NOT NULL,
  region     varchar(40),
  country    char(2) NOT NULL,
  phone      varchar(30),
  changed_at timestamp NOT NULL,
  PRIMARY KEY (vend_no, plant_no)
);

CREATE TABLE erp.contact (
  contact_no integer PRIMARY KEY,
  cust_no    char(12) REFERENCES erp.customer, -- a bill-to or a branch; empty for a vendor's contact
  vend_no    char(10) REFERENCES erp.vendor,
  full_name  varchar(80) NOT NULL,
  email      varchar(120),
  phone      varchar(30),
  job        varchar(60),
  may_log_on boolean NOT NULL,
  changed_at timestamp NOT NULL,
  CHECK ((cust_no IS NULL) <> (vend_no IS NULL))
);

-- status: 10 sold, 20 sold while stock lasts, 90 no longer sold
CREATE TABLE erp.item (
  item_no    char(12) PRIMARY KEY,
  descr      varchar(120) NOT NULL,
  ean        char(13),
  brand      varchar(40),
  size_code  varchar(30),
  uom        char(4) NOT NULL,
  pack_qty   numeric(12,3),
  pack_uom   char(4),
  min_qty    numeric(12,3), -- the least that is sold at a time
  item_group char(10) NOT NULL,
  status     smallint NOT NULL,
  lead_days  smallint,
  weight_g   integer NOT NULL,
  list_price numeric(18,2) NOT NULL, -- in the company's currency
  vend_no    char(10) NOT NULL REFERENCES erp.vendor,
  changed_at timestamp NOT NULL
);

CREATE TABLE erp.warehouse (
  wh_no      char(4) PRIMARY KEY,
  name       varchar(60) NOT NULL,
  city       varchar(60) NOT NULL,
  country    char(2) NOT NULL,
  changed_at timestamp NOT NULL
);

-- What the company's prices are multiplied by in another currency.
CREATE TABLE erp.currency (
  currency   char(3) PRIMARY KEY,
  rate       numeric(10,4) NOT NULL,
  changed_at timestamp NOT NULL
);

-- Prices besides the list, in euros: kind S of a class of customers, K of one customer, P a promotion for everybody. A contract of a
-- customer's gives its discount on every tyre, and is no row.
CREATE TABLE erp.price (
  price_no   integer PRIMARY KEY,
  kind       char(1) NOT NULL CHECK (kind IN ('S', 'K', 'P')),
  cust_no    char(12) REFERENCES erp.customer,
  class      char(8),
  item_no    char(12) NOT NULL REFERENCES erp.item,
  qty_from   numeric(12,3) NOT NULL,
  price      numeric(18,2) NOT NULL,
  valid_from date,
  valid_to   date,
  descr      varchar(60),
  changed_at timestamp NOT NULL
);

CREATE TABLE erp.stock (
  item_no    char(12) NOT NULL REFERENCES erp.item,
  wh_no      char(4) NOT NULL REFERENCES erp.warehouse,
  on_hand    numeric(12,3) NOT NULL CHECK (on_hand >= 0),
  reserved   numeric(12,3) NOT NULL CHECK (reserved >= 0),
  next_on    date,
  next_qty   numeric(12,3),
  changed_at timestamp NOT NULL,
  PRIMARY KEY (item_no, wh_no)
);
CREATE INDEX stock_changed ON erp.stock (changed_at);

-- kind: D the same form, fit and function, F the same function, U the better one
CREATE TABLE erp.item_alternate (
  item_no    char(12) NOT NULL REFERENCES erp.item,
  other_no   char(12) NOT NULL REFERENCES erp.item,
  kind       char(1) NOT NULL CHECK (kind IN ('D', 'F', 'U')),
  note       varchar(120),
  changed_at timestamp NOT NULL,
  PRIMARY KEY (item_no, other_no, kind)
);

CREATE TABLE erp.item_document (
  doc_no     integer PRIMARY KEY,
  item_no    char(12) NOT NULL REFERENCES erp.item,
  kind       varchar(30) NOT NULL,
  title      varchar(120) NOT NULL,
  version    varchar(10),
  lang       char(2),
  issued_on  date,
  file       varchar(200) NOT NULL,
  class      char(8), -- for these customers alone
  changed_at timestamp NOT NULL
);

-- Customers' own numbers.
CREATE TABLE erp.customer_item (
  cust_no    char(12) NOT NULL REFERENCES erp.customer,
  cust_part  varchar(30) NOT NULL,
  item_no    char(12) NOT NULL REFERENCES erp.item,
  changed_at timestamp NOT NULL,
  PRIMARY KEY (cust_no, cust_part)
);

-- status: 10 entered, 15 held, 20 confirmed, 30 being picked, 40 shipped in part, 50 shipped, 60 delivered, 90 cancelled
CREATE TABLE erp.so_header (
  so_no        integer PRIMARY KEY,
  bill_to      char(12) NOT NULL REFERENCES erp.customer,
  ship_to      char(12) NOT NULL REFERENCES erp.customer,
  cust_po      varchar(30),
  contact_no   integer REFERENCES erp.contact,
  wh_no        char(4) NOT NULL REFERENCES erp.warehouse,
  status       smallint NOT NULL,
  currency     char(3) NOT NULL,
  tax_rate     numeric(5,2) NOT NULL,
  ordered_on   date NOT NULL,
  requested_on date,
  promised_on  date,
  net          numeric(18,2) NOT NULL,
  tax          numeric(18,2) NOT NULL,
  gross        numeric(18,2) NOT NULL CHECK (gross = net + tax),
  rest_so_no   integer REFERENCES erp.so_header DEFERRABLE INITIALLY DEFERRED, -- the order that took what was out of stock
  note         varchar(200),
  changed_at   timestamp NOT NULL
);
CREATE INDEX so_header_status ON erp.so_header (status);
CREATE INDEX so_header_changed ON erp.so_header (changed_at);

CREATE TABLE erp.so_line (
  so_no         integer NOT NULL REFERENCES erp.so_header,
  line_no       smallint NOT NULL,
  item_no       char(12) NOT NULL REFERENCES erp.item,
  descr         varchar(120) NOT NULL,
  uom           char(4) NOT NULL,
  qty_ordered   numeric(12,3) NOT NULL CHECK (qty_ordered > 0),
  qty_shipped   numeric(12,3) NOT NULL CHECK (qty_shipped >= 0),
  qty_back      numeric(12,3) NOT NULL CHECK (qty_back >= 0),
  qty_cancelled numeric(12,3) NOT NULL CHECK (qty_cancelled >= 0),
  qty_open      numeric(12,3) NOT NULL CHECK (qty_open >= 0),
  price         numeric(18,2) NOT NULL,
  net           numeric(18,2) NOT NULL CHECK (net = qty_ordered * price),
  tax           numeric(18,2) NOT NULL,
  requested_on  date,
  promised_on   date,
  changed_at    timestamp NOT NULL,
  PRIMARY KEY (so_no, line_no),
  CHECK (qty_ordered = qty_shipped + qty_back + qty_cancelled + qty_open)
);
CREATE INDEX so_line_changed ON erp.so_line (changed_at);

CREATE TABLE erp.delivery (
  dlv_no       integer PRIMARY KEY,
  bill_to      char(12) NOT NULL REFERENCES erp.customer,
  ship_to      char(12) NOT NULL REFERENCES erp.customer,
  wh_no        char(4) NOT NULL REFERENCES erp.warehouse,
  carrier      char(16) NOT NULL,
  service      varchar(20),
  tracking     varchar(30),
  shipped_at   timestamp NOT NULL,
  delivered_at timestamp,
  received_by  varchar(80),
  changed_at   timestamp NOT NULL
);
CREATE INDEX delivery_under_way ON erp.delivery (shipped_at) WHERE delivered_at IS NULL;
CREATE INDEX delivery_changed ON erp.delivery (changed_at);

CREATE TABLE erp.delivery_line (
  dlv_no     integer NOT NULL REFERENCES erp.delivery,
  line_no    smallint NOT NULL,
  so_no      integer NOT NULL,
  so_line_no smallint NOT NULL,
  item_no    char(12) NOT NULL REFERENCES erp.item,
  qty        numeric(12,3) NOT NULL CHECK (qty > 0),
  changed_at timestamp NOT NULL,
  PRIMARY KEY (dlv_no, line_no),
  FOREIGN KEY (so_no, so_line_no) REFERENCES erp.so_line
);
CREATE INDEX delivery_line_order ON erp.delivery_line (so_no, so_line_no);
CREATE INDEX delivery_line_changed ON erp.delivery_line (changed_at);

CREATE TABLE erp.delivery_package (
  dlv_no     integer NOT NULL REFERENCES erp.delivery,
  pkg_no     smallint NOT NULL,
  carrier    char(16) NOT NULL,
  tracking   varchar(30),
  weight_g   integer NOT NULL,
  sscc       char(18) NOT NULL UNIQUE,
  changed_at timestamp NOT NULL,
  PRIMARY KEY (dlv_no, pkg_no)
);
CREATE INDEX delivery_package_changed ON erp.delivery_package (changed_at);

CREATE SEQUENCE erp.so_numbers;
CREATE SEQUENCE erp.dlv_numbers;

-- A plan run says what is to be bought in each week to come. A run is whole when it is there, and never changes.
CREATE TABLE erp.plan_run (
  run_no  integer PRIMARY KEY,
  made_at timestamp NOT NULL
);
CREATE INDEX plan_run_made ON erp.plan_run (made_at);

CREATE TABLE erp.plan_line (
  run_no  integer NOT NULL REFERENCES erp.plan_run,
  vend_no char(10) NOT NULL,
  item_no char(12) NOT NULL,
  wh_no   char(4) NOT NULL,
  week_on date NOT NULL, -- its Monday
  qty     numeric(12,3) NOT NULL,
  price   numeric(18,2) NOT NULL, -- of one, that the vendor is paid
  PRIMARY KEY (run_no, item_no, wh_no, week_on)
);

CREATE TABLE erp.used (
  vend_no    char(10) NOT NULL,
  item_no    char(12) NOT NULL REFERENCES erp.item,
  wh_no      char(4) NOT NULL,
  week_on    date NOT NULL,
  qty        numeric(12,3) NOT NULL,
  arrived    numeric(12,3),
  changed_at timestamp NOT NULL,
  PRIMARY KEY (item_no, wh_no, week_on)
);

CREATE TABLE erp.vend_stock (
  vend_no    char(10) NOT NULL,
  item_no    char(12) NOT NULL REFERENCES erp.item,
  wh_no      char(4) NOT NULL,
  on_hand    numeric(12,3) NOT NULL,
  under_way  numeric(12,3) NOT NULL,
  changed_at timestamp NOT NULL,
  PRIMARY KEY (item_no, wh_no)
);

-- kind: P product or process, E drawing, L end of life
CREATE TABLE erp.notice (
  notice_no     integer PRIMARY KEY,
  vend_no       char(10) NOT NULL REFERENCES erp.vendor,
  kind          char(1) NOT NULL,
  rev           char(2) NOT NULL,
  title         varchar(160) NOT NULL,
  descr         varchar(800),
  reason        varchar(80),
  issued_on     date NOT NULL,
  effective_on  date,
  first_ship_on date,
  last_buy_on   date,
  last_ship_on  date,
  withdrawn     boolean NOT NULL,
  changed_at    timestamp NOT NULL
);

CREATE TABLE erp.notice_item (
  notice_no    integer NOT NULL REFERENCES erp.notice,
  line_no      smallint NOT NULL,
  item_no      char(12) NOT NULL REFERENCES erp.item,
  rev_from     char(4),
  rev_to       char(4),
  effective_on date,
  lot_from     varchar(20),
  serial_from  varchar(20),
  new_item_no  char(12) REFERENCES erp.item,
  changed_at   timestamp NOT NULL,
  PRIMARY KEY (notice_no, line_no)
);

-- What vendors said they deliver, the latest of each week; and what they answered to notices, each answer beside those before it.
CREATE TABLE erp.plan_commit (
  vend_no char(10) NOT NULL,
  item_no char(12) NOT NULL,
  wh_no   char(4) NOT NULL,
  week_on date NOT NULL,
  run_no  integer NOT NULL, -- that it answers
  qty     numeric(12,3) NOT NULL,
  asked   numeric(12,3) NOT NULL,
  reason  varchar(20),
  note    varchar(500),
  said_by varchar(200) NOT NULL,
  said_at timestamp NOT NULL,
  PRIMARY KEY (item_no, wh_no, week_on)
);

CREATE TABLE erp.notice_answer (
  notice_no   integer NOT NULL REFERENCES erp.notice,
  answer_no   integer NOT NULL,
  rev         char(2) NOT NULL,
  verdict     varchar(20) NOT NULL,
  disposition varchar(20),
  cost        numeric(18,4),
  currency    char(3),
  lead_days   integer,
  samples     numeric(12,3),
  note        varchar(2000),
  said_by     varchar(200) NOT NULL,
  said_at     timestamp NOT NULL,
  PRIMARY KEY (notice_no, answer_no)
);

-- Notices of vendors' own, every revision, and what the company answered.
CREATE TABLE erp.vend_notice (
  vend_no       char(10) NOT NULL,
  notice_no     integer NOT NULL,
  rev           integer NOT NULL,
  kind          char(1) NOT NULL,
  title         varchar(160) NOT NULL,
  descr         varchar(4000),
  effective_on  date NOT NULL,
  first_ship_on date,
  last_buy_on   date,
  last_ship_on  date,
  withdrawn     boolean NOT NULL,
  given_by      varchar(200) NOT NULL,
  given_at      timestamp NOT NULL,
  PRIMARY KEY (vend_no, notice_no, rev)
);

CREATE TABLE erp.vend_notice_item (
  vend_no      char(10) NOT NULL,
  notice_no    integer NOT NULL,
  rev          integer NOT NULL,
  item_no      varchar(500) NOT NULL,
  rev_from     varchar(60),
  rev_to       varchar(60),
  effective_on date,
  lot_from     varchar(60),
  serial_from  varchar(60),
  new_item_no  varchar(500),
  FOREIGN KEY (vend_no, notice_no, rev) REFERENCES erp.vend_notice
);

CREATE TABLE erp.vend_notice_answer (
  vend_no   char(10) NOT NULL,
  notice_no integer NOT NULL,
  answer_no integer NOT NULL,
  verdict   varchar(20) NOT NULL,
  note      varchar(2000),
  said_by   varchar(200) NOT NULL,
  said_at   timestamp NOT NULL,
  PRIMARY KEY (vend_no, notice_no, answer_no)
);

-- What comes in from the portal. An order is entered with the prices that the customer accepted, and what there is of it is reserved.
CREATE FUNCTION erp.take_order(payer varchar, destination varchar, po varchar, remark varchar, placed_by varchar, cur varchar, wanted date, lines jsonb) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  no integer := nextval('erp.so_numbers');
  c  erp.customer;
  wh char(4);
  l  record;
  t  timestamp := now() AT TIME ZONE 'UTC';
BEGIN
  SELECT * INTO c FROM erp.customer WHERE cust_no = payer AND bill_to = cust_no;
  IF NOT FOUND OR NOT EXISTS (SELECT FROM erp.customer WHERE cust_no = destination AND bill_to = c.cust_no) THEN
    RAISE EXCEPTION 'We do not ship to % for you.', destination;
  END IF;
  IF cur <> c.currency THEN
    RAISE EXCEPTION 'Your account is in %.', c.currency;
  END IF;
  wh := CASE WHEN c.country IN ('AT', 'IT', 'DE') THEN 'W2' ELSE 'W1' END;
  INSERT INTO erp.so_header (so_no, bill_to, ship_to, cust_po, contact_no, wh_no, status, currency, tax_rate, ordered_on, requested_on, net, tax, gross, note, changed_at)
  VALUES (no, c.cust_no, destination, po, (SELECT min(contact_no) FROM erp.contact p JOIN erp.customer s USING (cust_no) WHERE s.bill_to = c.cust_no AND p.full_name = placed_by), wh, 10, cur, c.tax_rate, t::date, wanted, 0, 0, 0, remark, t);
  FOR l IN SELECT x.line, i.*, x.quantity, x.price, x.requested_on FROM jsonb_to_recordset(lines) x (line smallint, product varchar, quantity numeric, price numeric, requested_on date) LEFT JOIN erp.item i ON i.item_no = x.product LOOP
    IF l.item_no IS NULL OR l.status = 90 AND (SELECT coalesce(sum(on_hand - reserved), 0) FROM erp.stock s WHERE s.item_no = l.item_no) < l.quantity THEN
      RAISE EXCEPTION 'Line %: this article is no longer sold.', l.line;
    END IF;
    INSERT INTO erp.so_line (so_no, line_no, item_no, descr, uom, qty_ordered, qty_shipped, qty_back, qty_cancelled, qty_open, price, net, tax, requested_on, changed_at)
    VALUES (no, l.line, l.item_no, l.descr, l.uom, l.quantity, 0, 0, 0, l.quantity, l.price, l.quantity * l.price, round(l.quantity * l.price * c.tax_rate / 100, 2), coalesce(l.requested_on, wanted), t);
    UPDATE erp.stock SET reserved = least(on_hand, reserved + l.quantity), changed_at = t WHERE item_no = l.item_no AND wh_no = wh;
  END LOOP;
  PERFORM erp.add_up(no);
  RETURN no;
END $$;

CREATE FUNCTION erp.add_up(no integer) RETURNS void LANGUAGE sql AS $$
  UPDATE erp.so_header h SET net = s.net, tax = s.tax, gross = s.net + s.tax, changed_at = now() AT TIME ZONE 'UTC' FROM (SELECT sum(net) AS net, sum(tax) AS tax FROM erp.so_line WHERE so_no = no) s WHERE h.so_no = no
$$;

-- A line of an order that is not being picked yet becomes less, or is wanted another day.
CREATE FUNCTION erp.change_line(no integer, line smallint, quantity numeric, wanted date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM erp.so_header WHERE so_no = no AND status IN (10, 15, 20) FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'The order is being picked already.';
  END IF;
  UPDATE erp.so_line l SET qty_ordered = quantity, qty_open = quantity - qty_cancelled, net = quantity * price, tax = round(quantity * price * h.tax_rate / 100, 2),
    requested_on = coalesce(wanted, l.requested_on), changed_at = now() AT TIME ZONE 'UTC' FROM erp.so_header h WHERE l.so_no = no AND l.line_no = line AND h.so_no = no AND qty_cancelled <= quantity;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'The line cannot be changed.';
  END IF;
  PERFORM erp.add_up(no);
END $$;
