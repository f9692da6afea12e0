"""The real things that the tests run against. Index:

waiting                  wait for a condition, with a deadline

servers.balancers        nginx, HAProxy and Caddy in front of two hosts, with the files of deploy/
servers.acl              the users of Redis of deploy/
servers.certificates     certificates that nobody signed, or an authority that nobody knows
servers.clusters         PostgreSQL primary and standby on TCP ports; promotion
servers.issuer           the issuer of tokens: its key set over HTTP, rotated, down, silent
servers.journals         a journal of its own for a copied database
servers.migrating        the marketplace's migrations, in this process
servers.nginx            nginx in front of services
servers.pgbouncer        PgBouncer in front of a PostgreSQL, transaction mode
servers.ports            free ports of the loopback
servers.postgres         PostgreSQL: databases from a template, backup, kill, freeze
servers.redis            Redis: kill, freeze, start again on its port
servers.releases         databases as an earlier release left them
servers.schema           what a database says of its tables, and their rows
servers.sentinels        Redis Sentinels, and hosts that do not answer
servers.sqlite           SQLite files: databases from a template, backup
servers.tls              TLS in front of a server, HAProxy

processes.external       a legacy script that knows Flask-SocketIO alone
processes.gunicorn       gunicorn with one WSGI application of the tests
processes.limited        the fixture `limited`: a web process with limits
processes.process        environment, `flask` commands, a process with its log
processes.scripts        external scripts that add to the inbox, in several languages
processes.service        the service: its web process and its worker
processes.stage          a service for tests in other languages (client/test)
processes.unchanged      an app of tests/e2e/apps running, with Ordercast or stock
processes.workers        gunicorn's worker processes seen from outside: memory, descriptors

clients.admission        the CONNECT of a bare client, accepted
clients.audience         stock clients of every version and transport, as one seller
clients.browser          Chromium, and an ear for errors, foreign requests and violations
clients.crowd            many stock clients in one Node process
clients.framed           a bare WebSocket on a bare socket
clients.frames           WebSocket frames, broken ones too
clients.loopback         HTTP without TLS, whose certificates would be read each time
clients.poller           a recovering client over long-polling
clients.raw              Socket.IO packets by hand, over either transport
clients.recovering       a recovering client over a WebSocket
clients.seeing           what a page shows: contrast, what is cut, what is covered
clients.stock            the stock JavaScript client in a Node process
clients.wire             Engine.IO by hand: late answers, upgrades, close codes
clients.witness          an ordinary client that goes on while the server is attacked

people.fixtures          alice and bob at a running service
people.keys              JWTs made by hand: other issuers', forged
people.person            a user of the HTTP API of a running service
people.visitor           a user of /api/auth in this process

faults.proxy             the network: cut, down, silent
faults.races             calls at the same moment; a change after the nth statement
faults.strangers         rows that another program wrote into the table of events
faults.tables            locked PostgreSQL tables

application.alone        a process without identities and queue: connect handlers decide
application.bell         what the sequencers hear of commits
application.documents    OpenAPI and AsyncAPI documents, held against answers
application.hostile      hostile input, and what every answer to it must look like
application.hub          gevent's hub in the test's process
application.journal      the journal of the application in this process
application.mailbox      the inbox: what a script adds, what of it is in the journal
application.market       customers, sellers, products and the journal in this process
application.members      an app with a login form and Flask-Login, for gunicorn
application.settings     settings from an environment that has the required value alone
application.shop         a seller and a customer; operations drawn by numbers
application.tabs         web processes and their clients in this process
application.team         web processes of a team's own application, for the clients of tabs
"""
