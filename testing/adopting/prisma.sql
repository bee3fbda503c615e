-- A platform as Prisma lays it out: "PascalCase" tables, camelCase columns, cuid ids as text, enums in capitals,
-- timestamp(3) without a zone, NextAuth's Account, Session and VerificationToken, and a plan in a table of its own.
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');
CREATE TYPE "GenerationStatus" AS ENUM ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELED');
CREATE TYPE "GenerationType" AS ENUM ('STUDIO', 'BASE_IMAGE', 'AVATAR');
CREATE TYPE "SubscriptionStatus" AS ENUM ('TRIALING', 'ACTIVE', 'PAST_DUE', 'PAUSED', 'CANCELED');
CREATE TYPE "BillingInterval" AS ENUM ('MONTH', 'YEAR');
CREATE TYPE "PaymentStatus" AS ENUM ('PENDING', 'SUCCEEDED', 'FAILED');
CREATE TYPE "PaymentPurpose" AS ENUM ('SUBSCRIPTION', 'CREDIT_PACK');
CREATE TYPE "CreditReason" AS ENUM ('PURCHASE', 'GENERATION', 'SIGNUP_BONUS', 'REFUND', 'EXPIRY');
CREATE TYPE "TicketStatus" AS ENUM ('OPEN', 'IN_PROGRESS', 'CLOSED');

CREATE TABLE "User" (
  "id" text NOT NULL PRIMARY KEY,
  "name" text,
  "email" text NOT NULL UNIQUE,
  "emailVerified" timestamp(3),
  "image" text,
  "role" "Role" NOT NULL DEFAULT 'USER',
  "country" text,
  "signupSource" text,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL,
  "deletedAt" timestamp(3)
);
CREATE TABLE "Account" (
  "id" text NOT NULL PRIMARY KEY,
  "userId" text NOT NULL REFERENCES "User" ("id") ON DELETE CASCADE,
  "type" text NOT NULL,
  "provider" text NOT NULL,
  "providerAccountId" text NOT NULL,
  "refresh_token" text,
  "access_token" text,
  "expires_at" int
);
CREATE TABLE "Session" (
  "id" text NOT NULL PRIMARY KEY,
  "sessionToken" text NOT NULL UNIQUE,
  "userId" text NOT NULL REFERENCES "User" ("id") ON DELETE CASCADE,
  "expires" timestamp(3) NOT NULL
);
CREATE TABLE "VerificationToken" (
  "identifier" text NOT NULL,
  "token" text NOT NULL,
  "expires" timestamp(3) NOT NULL,
  UNIQUE ("identifier", "token")
);
CREATE TABLE "LoginEvent" (
  "id" text NOT NULL PRIMARY KEY,
  "userId" text NOT NULL REFERENCES "User" ("id"),
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "Character" (
  "id" text NOT NULL PRIMARY KEY,
  "userId" text NOT NULL REFERENCES "User" ("id"),
  "name" text NOT NULL,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL,
  "deletedAt" timestamp(3)
);
CREATE TABLE "Generation" (
  "id" text NOT NULL PRIMARY KEY,
  "userId" text NOT NULL REFERENCES "User" ("id"),
  "characterId" text REFERENCES "Character" ("id"),
  "status" "GenerationStatus" NOT NULL DEFAULT 'PENDING',
  "type" "GenerationType" NOT NULL,
  "isHd" boolean NOT NULL DEFAULT false,
  "width" int NOT NULL,
  "height" int NOT NULL,
  "nsfw" boolean NOT NULL DEFAULT false,
  "imageUrls" text[] NOT NULL DEFAULT '{}',
  "params" jsonb NOT NULL,
  "error" text,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "startedAt" timestamp(3),
  "completedAt" timestamp(3),
  "updatedAt" timestamp(3) NOT NULL
);
CREATE TABLE "Plan" (
  "id" text NOT NULL PRIMARY KEY,
  "slug" text NOT NULL UNIQUE,
  "priceCents" int NOT NULL,
  "currency" text NOT NULL DEFAULT 'USD',
  "interval" "BillingInterval" NOT NULL
);
CREATE TABLE "Subscription" (
  "id" text NOT NULL PRIMARY KEY,
  "userId" text NOT NULL REFERENCES "User" ("id"),
  "planId" text NOT NULL REFERENCES "Plan" ("id"),
  "status" "SubscriptionStatus" NOT NULL,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "endedAt" timestamp(3),
  "updatedAt" timestamp(3) NOT NULL
);
CREATE TABLE "Payment" (
  "id" text NOT NULL PRIMARY KEY,
  "userId" text NOT NULL REFERENCES "User" ("id"),
  "status" "PaymentStatus" NOT NULL,
  "purpose" "PaymentPurpose" NOT NULL,
  "amount" int NOT NULL,
  "currency" text NOT NULL DEFAULT 'USD',
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "paidAt" timestamp(3)
);
CREATE TABLE "Refund" (
  "id" text NOT NULL PRIMARY KEY,
  "paymentId" text NOT NULL REFERENCES "Payment" ("id"),
  "amount" int NOT NULL,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "CreditTransaction" (
  "id" text NOT NULL PRIMARY KEY,
  "userId" text NOT NULL REFERENCES "User" ("id"),
  "amount" int NOT NULL,
  "reason" "CreditReason" NOT NULL,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "SupportTicket" (
  "id" text NOT NULL PRIMARY KEY,
  "userId" text REFERENCES "User" ("id"),
  "category" text NOT NULL,
  "status" "TicketStatus" NOT NULL DEFAULT 'OPEN',
  "priority" text,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL
);
CREATE TABLE "_prisma_migrations" (
  "id" varchar(36) NOT NULL PRIMARY KEY,
  "checksum" varchar(64) NOT NULL,
  "finished_at" timestamptz,
  "started_at" timestamptz NOT NULL DEFAULT now()
);

-- Data: 300 users over 120 days, ending 10 minutes ago. Prisma writes UTC whatever the zone of the session.
INSERT INTO "User" ("id", "email", "role", "country", "signupSource", "createdAt", "updatedAt", "deletedAt")
SELECT 'usr_' || n, 'u' || n || '@example.com', CASE WHEN n % 50 = 0 THEN 'ADMIN' ELSE 'USER' END::"Role",
  (ARRAY['US', 'DE', 'BR', NULL])[1 + n % 4], (ARRAY['direct', 'referral', 'ads'])[1 + n % 3], at, at + interval '1 hour',
  CASE WHEN n % 20 = 3 THEN at + interval '1 hour' END
FROM generate_series(1, 300) AS n,
  LATERAL (SELECT (now() - interval '10 minutes' - (300 - n) * interval '9 hours 36 minutes' - interval '2 hours') AT TIME ZONE 'UTC' AS at) AS t;
INSERT INTO "LoginEvent" SELECT 'log_' || u."id" || '_' || k, u."id", u."createdAt" + k * interval '30 hours'
FROM "User" u, generate_series(0, 5) AS k WHERE u."createdAt" + k * interval '30 hours' < now() AT TIME ZONE 'UTC';
INSERT INTO "Character" SELECT 'chr_' || u."id" || '_' || k, u."id", 'Name', u."createdAt" + interval '5 minutes',
  u."createdAt" + interval '1 hour', CASE WHEN k = 2 THEN u."createdAt" + interval '1 hour' END
FROM "User" u, generate_series(1, 2) AS k WHERE right(u."id", 1)::int % 2 = 0;
INSERT INTO "Generation" ("id", "userId", "status", "type", "isHd", "width", "height", "nsfw", "imageUrls", "params", "error",
  "createdAt", "startedAt", "completedAt", "updatedAt")
SELECT 'gen_' || u."id" || '_' || k, u."id", s.status, (ARRAY['STUDIO', 'BASE_IMAGE', 'AVATAR'])[1 + k % 3]::"GenerationType",
  k % 2 = 0, 1024, (ARRAY[1024, 1536, 768])[1 + k % 3], k % 3 = 0,
  CASE WHEN s.status = 'COMPLETED' THEN ARRAY['a', 'b'] ELSE '{}' END,
  jsonb_build_object('scene', (ARRAY['beach', 'city'])[1 + k % 2], 'pose', 'standing'),
  CASE WHEN s.status = 'FAILED' THEN 'out of memory' END, at,
  CASE WHEN s.status <> 'PENDING' THEN at + interval '2 seconds' END,
  CASE WHEN s.status IN ('COMPLETED', 'FAILED', 'CANCELED') THEN at + interval '20 seconds' END,
  at + CASE WHEN s.status = 'PENDING' THEN interval '0' WHEN s.status = 'PROCESSING' THEN interval '2 seconds' ELSE interval '20 seconds' END
FROM "User" u, generate_series(1, 8) AS k,
  LATERAL (SELECT u."createdAt" + k * interval '11 minutes' AS at) AS t,
  LATERAL (SELECT (ARRAY['COMPLETED', 'COMPLETED', 'COMPLETED', 'FAILED', 'CANCELED', 'COMPLETED', 'PROCESSING', 'PENDING'])[k]::"GenerationStatus" AS status) AS s;
INSERT INTO "Plan" VALUES ('pln_1', 'basic', 900, 'USD', 'MONTH'), ('pln_2', 'pro', 2900, 'USD', 'MONTH'), ('pln_3', 'pro-yearly', 29000, 'USD', 'YEAR');
INSERT INTO "Subscription"
SELECT 'sub_' || u."id", u."id", 'pln_' || 1 + right(u."id", 1)::int % 3,
  (ARRAY['ACTIVE', 'ACTIVE', 'TRIALING', 'PAST_DUE', 'CANCELED'])[1 + right(u."id", 2)::int % 5]::"SubscriptionStatus", u."createdAt" + interval '30 minutes',
  CASE WHEN right(u."id", 2)::int % 5 = 4 THEN u."createdAt" + interval '90 minutes' END, u."createdAt" + interval '90 minutes'
FROM "User" u WHERE u."id" ~ '[0-9]{2}$' AND right(u."id", 1)::int < 6;
INSERT INTO "Payment"
SELECT 'pay_' || s."id", s."userId", (ARRAY['SUCCEEDED', 'SUCCEEDED', 'FAILED', 'PENDING'])[1 + right(s."id", 2)::int % 4]::"PaymentStatus",
  'SUBSCRIPTION', p."priceCents", 'USD', s."createdAt",
  CASE WHEN right(s."id", 2)::int % 4 < 2 THEN s."createdAt" + interval '3 seconds' END
FROM "Subscription" s JOIN "Plan" p ON p."id" = s."planId";
INSERT INTO "Payment" SELECT 'pay_c_' || u."id", u."id", 'SUCCEEDED', 'CREDIT_PACK', 500, 'USD', u."createdAt" + interval '40 minutes', u."createdAt" + interval '41 minutes'
FROM "User" u WHERE u."id" ~ '[05]$';
INSERT INTO "Refund" SELECT 'ref_' || p."id", p."id", 250, p."createdAt" + interval '45 minutes' FROM "Payment" p WHERE p."purpose" = 'CREDIT_PACK' AND p."userId" ~ '5$';
INSERT INTO "CreditTransaction" SELECT 'crd_b_' || u."id", u."id", 20, 'SIGNUP_BONUS', u."createdAt" FROM "User" u;
INSERT INTO "CreditTransaction" SELECT 'crd_p_' || p."id", p."userId", 100, 'PURCHASE', p."paidAt" FROM "Payment" p WHERE p."purpose" = 'CREDIT_PACK';
INSERT INTO "CreditTransaction" SELECT 'crd_g_' || g."id", g."userId", -3, 'GENERATION', g."createdAt" FROM "Generation" g;
INSERT INTO "CreditTransaction" SELECT 'crd_r_' || g."id", g."userId", 3, 'REFUND', g."completedAt" FROM "Generation" g WHERE g."status" = 'FAILED';
INSERT INTO "SupportTicket" SELECT 'tkt_' || u."id", u."id", CASE WHEN right(u."id", 1) = '1' THEN 'bug' ELSE 'billing' END,
  (ARRAY['OPEN', 'IN_PROGRESS', 'CLOSED'])[1 + right(u."id", 2)::int % 3]::"TicketStatus", (ARRAY['low', 'high'])[1 + right(u."id", 2)::int % 2],
  u."createdAt" + interval '50 minutes', u."createdAt" + interval '55 minutes'
FROM "User" u WHERE u."id" ~ '[0-9]{2}$' AND right(u."id", 1) IN ('1', '2');
ANALYZE;
