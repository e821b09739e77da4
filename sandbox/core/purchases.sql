-- What the company buys. It is made after the rest of the schema.

-- status: 10 sent to the vendor, 80 all received, 90 cancelled
CREATE TABLE erp.po_header (
  po_no      integer PRIMARY KEY,
  vend_no    char(10) NOT NULL REFERENCES erp.vendor,
  plant_no   smallint NOT NULL,
  buyer      varchar(80) NOT NULL,
  wh_no      char(4) NOT NULL REFERENCES erp.warehouse,
  status     smallint NOT NULL,
  currency   char(3) NOT NULL,
  terms      varchar(60) NOT NULL,
  ordered_on date NOT NULL,
  note       varchar(200),
  changed_at timestamp NOT NULL,
  FOREIGN KEY (vend_no, plant_no) REFERENCES erp.vendor_plant
);
CREATE INDEX po_header_changed ON erp.po_header (changed_at);

CREATE TABLE erp.po_line (
  po_no      integer NOT NULL REFERENCES erp.po_header,
  line_no    smallint NOT NULL,
  item_no    char(12) NOT NULL REFERENCES erp.item,
  descr      varchar(120) NOT NULL,
  uom        char(4) NOT NULL,
  qty        numeric(12,3) NOT NULL CHECK (qty > 0),
  qty_in     numeric(12,3) NOT NULL CHECK (qty_in >= 0), -- received and taken
  price      numeric(18,2) NOT NULL,
  status     smallint NOT NULL,
  changed_at timestamp NOT NULL,
  PRIMARY KEY (po_no, line_no)
);
CREATE INDEX po_line_changed ON erp.po_line (changed_at);

CREATE TABLE erp.po_schedule (
  po_no         integer NOT NULL,
  line_no       smallint NOT NULL,
  sched_no      smallint NOT NULL,
  requested_on  date NOT NULL,
  qty           numeric(12,3) NOT NULL CHECK (qty >= 0),
  confirmed_on  date,
  qty_confirmed numeric(12,3),
  changed_at    timestamp NOT NULL,
  PRIMARY KEY (po_no, line_no, sched_no),
  FOREIGN KEY (po_no, line_no) REFERENCES erp.po_line
);
CREATE INDEX po_schedule_changed ON erp.po_schedule (changed_at);

-- kind: GR what came in, RT what went back
CREATE TABLE erp.goods_receipt (
  gr_no        integer PRIMARY KEY,
  kind         char(2) NOT NULL,
  po_no        integer NOT NULL,
  line_no      smallint NOT NULL,
  qty          numeric(12,3) NOT NULL CHECK (qty > 0),
  qty_rejected numeric(12,3) NOT NULL CHECK (qty_rejected BETWEEN 0 AND qty),
  reason       varchar(60),
  notice_no    varchar(30), -- the vendor's shipment notice
  received_at  timestamp NOT NULL,
  changed_at   timestamp NOT NULL,
  FOREIGN KEY (po_no, line_no) REFERENCES erp.po_line
);
CREATE INDEX goods_receipt_changed ON erp.goods_receipt (changed_at);

-- status: 10 entered, 20 blocked, 30 released for payment, 60 paid, 90 sent back
CREATE TABLE erp.vendor_invoice (
  inv_no      integer PRIMARY KEY,
  vend_no     char(10) NOT NULL REFERENCES erp.vendor,
  ext_no      varchar(30) NOT NULL,
  po_no       integer NOT NULL REFERENCES erp.po_header,
  status      smallint NOT NULL,
  why         varchar(120),
  currency    char(3) NOT NULL,
  invoiced_on date NOT NULL,
  due_on      date NOT NULL,
  net         numeric(18,2) NOT NULL,
  tax         numeric(18,2) NOT NULL,
  paid        numeric(18,2) NOT NULL,
  changed_at  timestamp NOT NULL,
  UNIQUE (vend_no, ext_no)
);
CREATE INDEX vendor_invoice_changed ON erp.vendor_invoice (changed_at);

CREATE TABLE erp.vendor_invoice_line (
  inv_no     integer NOT NULL REFERENCES erp.vendor_invoice,
  pos        smallint NOT NULL,
  po_no      integer NOT NULL,
  line_no    smallint NOT NULL,
  qty        numeric(12,3) NOT NULL,
  price      numeric(18,2) NOT NULL,
  changed_at timestamp NOT NULL,
  PRIMARY KEY (inv_no, pos),
  FOREIGN KEY (po_no, line_no) REFERENCES erp.po_line
);

CREATE TABLE erp.vendor_payment (
  pay_no     integer PRIMARY KEY,
  vend_no    char(10) NOT NULL REFERENCES erp.vendor,
  paid_on    date NOT NULL,
  currency   char(3) NOT NULL,
  method     varchar(20) NOT NULL,
  bank_ref   varchar(40) NOT NULL,
  changed_at timestamp NOT NULL
);

CREATE TABLE erp.vendor_payment_item (
  pay_no     integer NOT NULL REFERENCES erp.vendor_payment,
  inv_no     integer NOT NULL REFERENCES erp.vendor_invoice,
  amount     numeric(18,2) NOT NULL,
  discount   numeric(18,2) NOT NULL,
  changed_at timestamp NOT NULL,
  PRIMARY KEY (pay_no, inv_no)
);

CREATE SEQUENCE erp.po_numbers;
CREATE SEQUENCE erp.gr_numbers;
CREATE SEQUENCE erp.inv_numbers;
CREATE SEQUENCE erp.pay_numbers;

-- What vendors answered to purchase orders. status: 0 to be decided, 1 taken, 2 not taken
CREATE TABLE erp.po_answer (
  po_no      integer NOT NULL,
  answer_no  integer NOT NULL,
  line_no    smallint NOT NULL,
  verdict    varchar(10) NOT NULL,
  status     smallint NOT NULL,
  item_no    varchar(100),
  price      numeric(18,6),
  reason     varchar(30),
  note       varchar(500),
  why        varchar(120),
  decided_at timestamp,
  changed_at timestamp NOT NULL,
  PRIMARY KEY (po_no, answer_no, line_no),
  FOREIGN KEY (po_no, line_no) REFERENCES erp.po_line
);
CREATE INDEX po_answer_changed ON erp.po_answer (changed_at);

CREATE TABLE erp.po_answer_part (
  po_no      integer NOT NULL,
  answer_no  integer NOT NULL,
  line_no    smallint NOT NULL,
  arrives_on date NOT NULL,
  qty        numeric(12,3) NOT NULL CHECK (qty > 0),
  PRIMARY KEY (po_no, answer_no, line_no, arrives_on)
);

-- The keys of the commands that were taken up.
CREATE TABLE IF NOT EXISTS extranet_delivered (
  command_id   char(36) PRIMARY KEY,
  name         varchar(80) NOT NULL,
  document     varchar(400) NOT NULL,
  delivered_at timestamp NOT NULL DEFAULT current_timestamp,
  returned     text
);

-- What vendors announced to have sent.
CREATE TABLE erp.notice_line (
  notice_no  varchar(40) NOT NULL,
  vend_no    char(10) NOT NULL,
  pos        smallint NOT NULL,
  po_no      integer NOT NULL,
  line_no    smallint NOT NULL,
  qty        numeric(12,3) NOT NULL CHECK (qty > 0),
  lot        varchar(40),
  sscc       char(18) NOT NULL,
  arrives_on date NOT NULL,
  gr_no      integer,
  PRIMARY KEY (vend_no, notice_no, pos),
  FOREIGN KEY (po_no, line_no) REFERENCES erp.po_line
);

-- What vendors report to have, and to be able to make.
CREATE TABLE erp.vend_report (
  vend_no    char(10) NOT NULL REFERENCES erp.vendor,
  item_no    char(12) NOT NULL REFERENCES erp.item,
  plant      varchar(20) NOT NULL,
  on_hand    numeric(12,3) NOT NULL,
  in_process numeric(12,3) NOT NULL,
  counted_on date NOT NULL,
  PRIMARY KEY (vend_no, item_no, plant)
);

CREATE TABLE erp.vend_capacity (
  vend_no char(10) NOT NULL REFERENCES erp.vendor,
  item_no char(12) NOT NULL REFERENCES erp.item,
  plant   varchar(20) NOT NULL,
  week_on date NOT NULL,
  qty     numeric(12,3) NOT NULL,
  PRIMARY KEY (vend_no, item_no, plant, week_on)
);

-- What vendors object to, and what they are answered.
CREATE TABLE erp.gr_objection (
  gr_no    integer PRIMARY KEY REFERENCES erp.goods_receipt,
  words    varchar(2000) NOT NULL,
  by_whom  varchar(80) NOT NULL,
  accepted boolean,
  answer   varchar(2000)
);
