-- What customers owe: credit, documents with their lines, money received, and what it cleared.
CREATE TABLE erp.credit (
  cust_no      char(12) PRIMARY KEY REFERENCES erp.customer,
  credit_limit numeric(18,2),
  pay_days     smallint NOT NULL,
  hold         boolean NOT NULL,
  hold_text    varchar(120),
  changed_at   timestamp NOT NULL
);

-- kind: RV invoice, CM credit memo with amounts below zero
CREATE TABLE erp.ar_doc (
  doc_no     integer PRIMARY KEY,
  kind       char(2) NOT NULL CHECK (kind IN ('RV', 'CM')),
  bill_to    char(12) NOT NULL REFERENCES erp.customer,
  ship_to    char(12) NOT NULL REFERENCES erp.customer,
  dlv_no     integer REFERENCES erp.delivery,
  so_no      integer REFERENCES erp.so_header, -- of the only order in it
  cust_po    varchar(30),
  currency   char(3) NOT NULL,
  doc_on     date NOT NULL,
  due_on     date NOT NULL,
  net        numeric(18,2) NOT NULL,
  tax        numeric(18,2) NOT NULL,
  gross      numeric(18,2) NOT NULL CHECK (gross = net + tax),
  open       numeric(18,2) NOT NULL,
  ref_doc_no integer REFERENCES erp.ar_doc,
  claim_no   varchar(40),
  note       varchar(200),
  changed_at timestamp NOT NULL
);
CREATE INDEX ar_doc_open ON erp.ar_doc (bill_to, due_on) WHERE open <> 0;
CREATE INDEX ar_doc_changed ON erp.ar_doc (changed_at);

CREATE TABLE erp.ar_line (
  doc_no     integer NOT NULL REFERENCES erp.ar_doc,
  line_no    smallint NOT NULL,
  so_no      integer,
  so_line_no smallint,
  item_no    char(12) REFERENCES erp.item,
  descr      varchar(120) NOT NULL,
  uom        char(4),
  qty        numeric(12,3) NOT NULL,
  price      numeric(18,2) NOT NULL,
  net        numeric(18,2) NOT NULL,
  tax        numeric(18,2) NOT NULL,
  PRIMARY KEY (doc_no, line_no)
);

CREATE TABLE erp.receipt (
  rcpt_no    integer PRIMARY KEY,
  bill_to    char(12) NOT NULL REFERENCES erp.customer,
  paid_on    date NOT NULL,
  method     varchar(20) NOT NULL,
  bank_ref   varchar(40),
  currency   char(3) NOT NULL,
  amount     numeric(18,2) NOT NULL,
  open       numeric(18,2) NOT NULL,
  changed_at timestamp NOT NULL
);
CREATE INDEX receipt_changed ON erp.receipt (changed_at);

-- A part of a receipt, or of a credit memo, that cleared a part of a document.
CREATE TABLE erp.clearing (
  clr_no     integer PRIMARY KEY,
  rcpt_no    integer REFERENCES erp.receipt,
  memo_no    integer REFERENCES erp.ar_doc,
  doc_no     integer NOT NULL REFERENCES erp.ar_doc,
  amount     numeric(18,2) NOT NULL,
  cleared_on date NOT NULL,
  changed_at timestamp NOT NULL,
  CHECK ((rcpt_no IS NULL) <> (memo_no IS NULL))
);
CREATE INDEX clearing_changed ON erp.clearing (changed_at);

CREATE SEQUENCE erp.ar_numbers;
CREATE SEQUENCE erp.rcpt_numbers;
CREATE SEQUENCE erp.clr_numbers;

-- What customers complain of, as the portal says, and what was decided. A key is taken up once.
CREATE TABLE erp.claim (
  key       varchar(40) PRIMARY KEY,
  claim_no  varchar(40) NOT NULL UNIQUE,
  bill_to   char(12) NOT NULL REFERENCES erp.customer,
  kind      varchar(20) NOT NULL,
  lines     text NOT NULL,
  filed_at  timestamp NOT NULL
);

CREATE TABLE erp.claim_decision (
  key        varchar(40) PRIMARY KEY,
  claim_no   varchar(40) NOT NULL,
  line_no    integer NOT NULL,
  outcome    varchar(20) NOT NULL,
  code       varchar(40),
  amount     numeric(18,2) NOT NULL,
  decided_at timestamp NOT NULL
);
