import { describe, expect, test } from "@jest/globals";
import { type ConfigInputs, loadConfig } from "../../src/config/load-config.ts";

type Files = Readonly<Record<string, string>>;

interface World extends Partial<Omit<ConfigInputs, "readFile">> {
  readonly files?: Files;
  /** The content of newsreel.yaml in the working directory. */
  readonly yaml?: string;
}

function load({ files = {}, yaml, ...inputs }: World) {
  const all: Files = yaml === undefined ? files : { ...files, "/srv/newsreel.yaml": yaml };
  return loadConfig({ env: {}, cwd: "/srv", readFile: (path) => all[path], ...inputs });
}

/** What a person is told, with the code it must have. */
function mistakesOf(world: World): string {
  try {
    load(world);
  } catch (error) {
    expect((error as { code: unknown }).code).toBe("CONFIG_INVALID");
    return (error as Error).message;
  }
  throw new Error("the configuration was accepted");
}

describe("defaults", () => {
  test("are those of the documentation when nobody says anything", () => {
    const { sources, ...config } = load({});
    expect(config).toEqual({
      host: "0.0.0.0",
      port: 8119,
      dataDir: "/srv/data",
      urlBase: "",
      trustedProxies: [],
      tls: { certFile: "", keyFile: "", host: "0.0.0.0", port: 8443 },
      auth: { user: "admin", password: "", anonymous: "none", digest: "md5" },
      apiKey: "",
      providers: [],
      cache: { memoryBytes: 128 * 2 ** 20, diskPath: "", diskBytes: 20 * 2 ** 30 },
      imports: {
        maxJobs: 2,
        maxJobsWhileStreaming: 0,
        secondLookMs: 30_000,
        watchFolder: "",
        watchMs: 2000,
        allowPrivateUrls: false,
        passwords: [],
        maxNzbBytes: 512 * 2 ** 20,
      },
      library: { sidecarBytes: 32 * 2 ** 20, trashDays: 7, readOnly: false },
      categories: [],
      completed: { style: "rclonelink", mountPath: "/mnt/newsreel", strmFolder: "", strmSeenAs: "", strmUrl: "" },
      rclone: [],
      arrs: [],
      streaming: { holdOffMs: 15_000, readAheadBytes: 32 * 2 ** 20, perStreamConnections: 2, floor: 1, damage: "fail" },
      log: { level: "info" },
      shutdownGraceMs: 8000,
    });
    expect(new Set([...sources.values()].map(({ kind }) => kind))).toEqual(new Set(["default"]));
  });

  test("of a provider leave only its host to be named", () => {
    expect(load({ yaml: "providers: [{ host: news.example.com }]" }).providers).toEqual([
      {
        name: "news.example.com",
        host: "news.example.com",
        port: 563,
        tls: true,
        verifyTls: true,
        username: "",
        password: "",
        connections: 20,
        tier: 1,
        backup: false,
        pipeline: "auto",
        timeoutMs: 15_000,
      },
    ]);
  });

  test("of a category, a mount and a Sonarr leave only what nobody can guess", () => {
    const yaml =
      "categories: [{ name: tv }]\nrclone: [{ url: http://nas:5572/ }]\narrs: [{ url: http://nas:8989/sonarr/ }]";
    const { categories, rclone, arrs } = load({ yaml });
    expect(categories).toEqual([
      {
        name: "tv",
        folder: "",
        priority: "normal",
        check: "sampled",
        leastPercent: 90,
        payload: "any",
        exclude: [],
        samples: "keep",
      },
    ]);
    expect(rclone).toEqual([{ url: "http://nas:5572", user: "", password: "", folder: "", remote: "" }]);
    expect(arrs).toEqual([{ url: "http://nas:8989/sonarr", apiKey: "" }]);
  });

  test.each(["..", ".", "tv.", " tv", "a/b", "C:", "", "a*"])("no category is called %j", (name) => {
    expect(mistakesOf({ yaml: `categories: [{ name: ${JSON.stringify(name)} }]` })).toContain("categories");
  });

  test.each(["mnt/newsreel", "", "newsreel:"])("a mount path is absolute, not %j", (path) => {
    expect(mistakesOf({ yaml: `completed: { mountPath: ${JSON.stringify(path)} }` })).toContain("absolute path");
  });

  test.each([
    ["/mnt/newsreel/", "/mnt/newsreel"],
    ["N:\\", "N:"],
    ["\\\\nas\\newsreel", "\\\\nas\\newsreel"],
    ["/", "/"],
  ])("a mount path %j is %j", (given, kept) => {
    expect(load({ yaml: `completed: { mountPath: ${JSON.stringify(given)} }` }).completed.mountPath).toBe(kept);
  });

  test.each(["nas:8989", "ftp://nas", "http://nas?key=1", "http://"])("a service's address is not %j", (url) => {
    expect(mistakesOf({ yaml: `arrs: [{ url: ${JSON.stringify(url)} }]` })).toContain("an address such as");
  });

  test("stand for keys and sections that the file leaves empty", () => {
    expect(load({ yaml: "apiKey:\ncache:\n  # memoryBytes: 1GiB\nproviders:\n" })).toMatchObject({
      apiKey: "",
      cache: { memoryBytes: 128 * 2 ** 20 },
      providers: [],
    });
  });
});

describe("precedence", () => {
  const yaml = "port: 1001\nhost: file.example\nurlBase: /file";
  const env = { NEWSREEL_PORT: "1002", NEWSREEL_HOST: "env.example" };

  test("is flags over environment over file over default", () => {
    const config = load({ yaml, env, overrides: { port: "1003" } });
    expect([config.port, config.host, config.urlBase, config.auth.user]).toEqual([
      1003,
      "env.example",
      "/file",
      "admin",
    ]);
  });

  test("is told per key with the place", () => {
    const { sources } = load({ yaml, env, overrides: { port: 1003 } });
    expect(["port", "host", "urlBase", "auth.user"].map((key) => sources.get(key))).toEqual([
      { kind: "command line", place: "command line" },
      { kind: "environment", place: "NEWSREEL_HOST" },
      { kind: "file", place: "newsreel.yaml:3" },
      { kind: "default", place: "default" },
    ]);
  });

  test("takes a variable whose own name ends in _FILE for a path, not for a file that holds the value", () => {
    const { tls } = load({ env: { NEWSREEL_TLS_CERT_FILE: "cert.pem", NEWSREEL_TLS_KEY_FILE: "/etc/key.pem" } });
    expect(tls).toMatchObject({ certFile: "/srv/cert.pem", keyFile: "/etc/key.pem" });
  });

  test("lets a list of providers replace another as a whole", () => {
    const given = { yaml: "providers: [{ host: a }, { host: b }]", env: { NEWSREEL_PROVIDERS: '[{"host":"c"}]' } };
    expect(load(given).providers.map(({ host }) => host)).toEqual(["c"]);
  });

  test("counts an empty variable as not set", () => {
    expect(load({ yaml, env: { NEWSREEL_PORT: "", NEWSREEL_API_KEY: "" } }).port).toBe(1001);
  });

  test("puts --config over NEWSREEL_CONFIG over newsreel.yaml", () => {
    const files = { "/srv/b.yaml": "port: 2", "/etc/c.yaml": "port: 3" };
    const world = { files, yaml: "port: 1", env: { NEWSREEL_CONFIG: "b.yaml" } };
    expect(load(world).port).toBe(2);
    expect(load({ ...world, configFile: "/etc/c.yaml" }).port).toBe(3);
  });
});

describe("values that are accepted", () => {
  const PROVIDER = { host: "h" };
  test.each<[string, unknown, string, unknown]>([
    ["NEWSREEL_CACHE_MEMORY_BYTES", "64MiB", "cache.memoryBytes", 64 * 2 ** 20],
    ["NEWSREEL_CACHE_MEMORY_BYTES", "1.5 GiB", "cache.memoryBytes", 1.5 * 2 ** 30],
    ["NEWSREEL_CACHE_MEMORY_BYTES", "4194304", "cache.memoryBytes", 4_194_304],
    ["NEWSREEL_CACHE_DISK_BYTES", "0", "cache.diskBytes", 0],
    ["NEWSREEL_IMPORTS_MAX_NZB_BYTES", "10kib", "imports.maxNzbBytes", 10_240],
    ["NEWSREEL_SHUTDOWN_GRACE_MS", "0", "shutdownGraceMs", 0],
    ["NEWSREEL_LOG_LEVEL", "debug", "log.level", "debug"],
    ["NEWSREEL_IMPORTS_ALLOW_PRIVATE_URLS", "true", "imports.allowPrivateUrls", true],
    ["NEWSREEL_LIBRARY_READ_ONLY", " False ", "library.readOnly", false],
    ["NEWSREEL_STREAMING_DAMAGE", "fill", "streaming.damage", "fill"],
    ["NEWSREEL_HOST", "::", "host", "::"],
    ["NEWSREEL_URL_BASE", "newsreel/", "urlBase", "/newsreel"],
    ["NEWSREEL_URL_BASE", "/a/b", "urlBase", "/a/b"],
    ["NEWSREEL_URL_BASE", "/", "urlBase", ""],
    ["NEWSREEL_DATA_DIR", "../lib", "dataDir", "/lib"],
    ["NEWSREEL_CACHE_DISK_PATH", "/fast/cache", "cache.diskPath", "/fast/cache"],
    ["NEWSREEL_AUTH_PASSWORD", "0123", "auth.password", "0123"],
    [
      "NEWSREEL_TRUSTED_PROXIES",
      "10.0.0.0/8, fd00::/8 127.0.0.1",
      "trustedProxies",
      ["10.0.0.0/8", "fd00::/8", "127.0.0.1"],
    ],
    ["NEWSREEL_TRUSTED_PROXIES", '["10.0.0.1"]', "trustedProxies", ["10.0.0.1"]],
    ["NEWSREEL_IMPORTS_PASSWORDS", "a, b\nc", "imports.passwords", ["a, b", "c"]],
    ["NEWSREEL_PROVIDERS", JSON.stringify([{ ...PROVIDER, pipeline: 16 }]), "providers.0.pipeline", 16],
    ["NEWSREEL_PROVIDERS", JSON.stringify([{ ...PROVIDER, tls: false }]), "providers.0.tls", false],
    ["NEWSREEL_PROVIDERS", JSON.stringify([{ ...PROVIDER, name: "Größe 2" }]), "providers.0.name", "Größe 2"],
  ])("%s=%j sets %s to %j", (name, text, key, expected) => {
    const config = load({ env: { [name]: text as string } });
    expect(key.split(".").reduce<unknown>((value, part) => (value as Record<string, unknown>)[part], config)).toEqual(
      expected,
    );
  });

  test("are the same from a file, with numbers and lists as YAML has them", () => {
    const yaml = `
      trustedProxies: [10.0.0.0/8]
      cache: { memoryBytes: 4194304, diskBytes: 1GiB }
      imports: { passwords: [one, "2"] }
      providers:
        - { host: h, pipeline: 4, timeoutMs: 100, backup: true, tier: 0 }`;
    expect(load({ yaml })).toMatchObject({
      trustedProxies: ["10.0.0.0/8"],
      cache: { memoryBytes: 4_194_304, diskBytes: 2 ** 30 },
      imports: { passwords: ["one", "2"] },
      providers: [{ pipeline: 4, timeoutMs: 100, backup: true, tier: 0 }],
    });
  });
});

describe("values that are refused", () => {
  test.each<[string, string, string]>([
    ["NEWSREEL_PORT", "abc", 'NEWSREEL_PORT: port: expected a whole number from 0 to 65535, got "abc"'],
    ["NEWSREEL_PORT", "65536", "got 65536"],
    ["NEWSREEL_PORT", "1.5", "got 1.5"],
    ["NEWSREEL_PORT", "-1", "got -1"],
    [
      "NEWSREEL_CACHE_MEMORY_BYTES",
      "12MB",
      'expected a size such as 64KiB, 128MiB, 20GiB or plain bytes, 1MiB or more, got "12MB"',
    ],
    ["NEWSREEL_CACHE_MEMORY_BYTES", "1000", 'got "1000"'],
    ["NEWSREEL_CACHE_MEMORY_BYTES", "999999999999999GiB", "got"],
    ["NEWSREEL_STREAMING_FLOOR", "2", "expected a whole number from 0 to 1, got 2"],
    ["NEWSREEL_STREAMING_DAMAGE", "zero", 'expected fail or fill, got "zero"'],
    ["NEWSREEL_HOST", "http://x", "without scheme or port"],
    ["NEWSREEL_URL_BASE", "/a/../b", "expected empty or a path such as /newsreel"],
    ["NEWSREEL_AUTH_USER", "a:b", 'expected a name without a colon, got "a:b"'],
    ["NEWSREEL_AUTH_USER", "a\r\nb", "expected a name without a colon"],
    ["NEWSREEL_TRUSTED_PROXIES", "10.0.0.0/33", "expected a list of addresses or blocks"],
    ["NEWSREEL_TRUSTED_PROXIES", "[10.0.0.0", "trustedProxies is not valid JSON"],
    ["NEWSREEL_PROVIDERS", '{"host":"h"}', "expected a list of at most 100 sections, got a section"],
    ["NEWSREEL_PROVIDERS", '[{"host":"h","tls":"true"}]', 'providers[0].tls: expected true or false, got "true"'],
    ["NEWSREEL_PROVIDERS", '[{"host":"h","pipeline":17}]', "auto or a whole number from 1 to 16, got 17"],
    ["NEWSREEL_PROVIDERS", '[{"port":119}]', "providers[0].host is missing"],
    [
      "NEWSREEL_PROVIDERS",
      '[{"host":"h","__proto__":1,"constructor":1}]',
      "providers[0].constructor is not a known key",
    ],
    ["NEWSREEL_PROVIDERS", '[{"host":"h"},{"host":"h"}]', 'two providers are called "h"'],
  ])("%s=%j says %s", (name, text, message) => {
    expect(mistakesOf({ env: { [name]: text } })).toContain(message);
  });

  test.each<[string, string]>([
    ["a: 1\n---\nb: 2", "newsreel.yaml:2: a second document starts"],
    ["port: 1\nport: 2", "newsreel.yaml:2: the same key again"],
    ["\tport: 1", "newsreel.yaml:1: indentation takes blanks, not tabs"],
    ["- port", "newsreel.yaml: expected a section with keys, got a list"],
    ["just text", "newsreel.yaml: expected a section with keys, got another text"],
    ["port: 80\ncache: big", "newsreel.yaml:2: cache: expected a section with keys, got another text"],
    ["port: '80'", 'newsreel.yaml:1: port: expected a whole number from 0 to 65535, got "80"'],
    [
      "providers:\n  - host: a\n  - host: b\n    port: x",
      'newsreel.yaml:4: providers[1].port: expected a whole number from 1 to 65535, got "x"',
    ],
    ["__proto__: 1", "newsreel.yaml:1: __proto__ is not a known key"],
  ])("the file %j says %s", (yaml, message) => {
    expect(mistakesOf({ yaml })).toContain(message);
  });

  test("a file that multiplies itself by aliases", () => {
    const bomb = [
      "a0: &a0 [1]",
      ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`),
    ];
    expect(mistakesOf({ yaml: bomb.join("\n") })).toContain("newsreel.yaml: an alias");
  });
});

describe("unknown names", () => {
  test.each<[World, string]>([
    [{ yaml: "prot: 1" }, "newsreel.yaml:1: prot is not a known key; did you mean port?"],
    [{ yaml: "datadir: x" }, "datadir is not a known key; did you mean dataDir?"],
    [{ yaml: "cache: { memorybyte: 1 }" }, "cache.memorybyte is not a known key; did you mean memoryBytes?"],
    [{ yaml: "maxJobs: 1" }, "maxJobs is not a known key here; did you mean maxJobs in the section imports?"],
    [{ yaml: "cache.memoryBytes: 1" }, "did you mean memoryBytes in the section cache?"],
    [{ yaml: "auth: { apikey: x }" }, "auth.apikey is not a known key here; did you mean apiKey at the top?"],
    [{ yaml: "entirelyElse: 1" }, "entirelyElse is not a known key"],
    [{ env: { NEWSREEL_PROT: "1" } }, "NEWSREEL_PROT: is not a known variable; did you mean NEWSREEL_PORT?"],
    [{ env: { NEWSREEL_PASSWORD: "1" } }, "did you mean NEWSREEL_AUTH_PASSWORD?"],
    [{ env: { NEWSREEL_PORT_FILE: "x" } }, "did you mean NEWSREEL_PORT?"],
    [{ env: { NEWSREEL_API_KEY_FIEL: "x" } }, "did you mean NEWSREEL_API_KEY_FILE?"],
  ])("%j: %s", (world, message) => {
    expect(mistakesOf(world)).toContain(message);
  });

  test("without the prefix are none of our business", () => {
    expect(load({ env: { PATH: "/bin", PORT: "1", newsreel_port: "2" } }).port).toBe(8119);
  });

  test("that Kubernetes sets for a service called newsreel are left alone", () => {
    const env = {
      NEWSREEL_PORT: "tcp://10.0.0.1:8119",
      NEWSREEL_SERVICE_HOST: "10.0.0.1",
      NEWSREEL_SERVICE_PORT: "8119",
      NEWSREEL_SERVICE_PORT_HTTP: "8119",
      NEWSREEL_PORT_8119_TCP: "tcp://10.0.0.1:8119",
      NEWSREEL_PORT_8119_TCP_PROTO: "tcp",
    };
    expect(load({ env }).port).toBe(8119);
  });

  test("among the overrides are a defect of the caller", () => {
    expect(() => load({ overrides: { prot: 1 } })).toThrow(TypeError);
  });
});

describe("files", () => {
  test("that variables name give a secret without its line end", () => {
    const files = { "/run/key": "k3y\n", "/srv/pw": "p w\r\n", "/run/providers": '[{"host":"h","password":"s"}]' };
    const env = {
      NEWSREEL_API_KEY_FILE: "/run/key",
      NEWSREEL_AUTH_PASSWORD_FILE: "pw",
      NEWSREEL_PROVIDERS_FILE: "/run/providers",
    };
    const config = load({ files, env });
    expect([config.apiKey, config.auth.password, config.providers[0]?.password]).toEqual(["k3y", "p w", "s"]);
    expect(config.sources.get("apiKey")).toEqual({ kind: "environment", place: "NEWSREEL_API_KEY_FILE" });
  });

  test.each<[World, string]>([
    [{ env: { NEWSREEL_API_KEY_FILE: "/run/key" } }, "NEWSREEL_API_KEY_FILE: /run/key does not exist"],
    [
      { env: { NEWSREEL_API_KEY_FILE: "/k", NEWSREEL_API_KEY: "k" }, files: { "/k": "k" } },
      "NEWSREEL_API_KEY_FILE: NEWSREEL_API_KEY is set too; keep one of them",
    ],
    [{ configFile: "x.yaml" }, "x.yaml: /srv/x.yaml does not exist"],
    [{ env: { NEWSREEL_CONFIG: "/x.yaml" } }, "/x.yaml: /x.yaml does not exist"],
  ])("%j: %s", (world, message) => {
    expect(mistakesOf(world)).toContain(message);
  });

  test("that cannot be read say why", () => {
    const readFile = () => {
      throw Object.assign(new Error("EISDIR: secret detail"), { code: "EISDIR" });
    };
    expect(() => loadConfig({ env: {}, cwd: "/srv", readFile })).toThrow(
      "newsreel.yaml: /srv/newsreel.yaml is a folder, not a file",
    );
  });
});

describe("mistakes", () => {
  test("of all sources are told at once, each on its line", () => {
    const message = mistakesOf({
      yaml: "prot: 1\nhost: 7\nproviders: [{ port: 1 }]",
      env: { NEWSREEL_PORT: "x", NEWSREEL_FLOOR: "1", NEWSREEL_API_KEY_FILE: "/none" },
      overrides: { "log.level": "loud" },
    });
    expect(message).toMatch(/^the configuration has 7 mistakes:\n/);
    for (const part of [
      "prot",
      "host: ",
      "providers[0].host",
      "NEWSREEL_PORT",
      "NEWSREEL_FLOOR",
      "/none",
      "log.level",
    ]) {
      expect(message).toContain(part);
    }
    expect(message.split("\n")).toHaveLength(8);
  });

  const SECRET = "hunter2";
  test.each<World>([
    { yaml: `auth: { password: [${SECRET}] }` },
    { yaml: `auth: { password:${SECRET} }` },
    { yaml: `auth: ${SECRET}` },
    { yaml: `auth: { user: x, password: *${SECRET} }` },
    { yaml: `apiKey: !${SECRET} x` },
    { yaml: `apiKey: "${SECRET}` },
    { yaml: `apiKey: @${SECRET}` },
    { yaml: `apiKey: "${SECRET}\\n"` },
    { yaml: `apiKey: ${SECRET}: x` },
    { yaml: `? [${SECRET}]\n: 1` },
    { yaml: `${SECRET} is not a section` },
    { yaml: `imports: { passwords: ${SECRET} }` },
    { yaml: `providers: ${SECRET}` },
    { yaml: `providers: [${SECRET}]` },
    { yaml: `providers: [{ host: "nntps://u:${SECRET}@news.example.com" }]` },
    { yaml: `providers: [{ host: h, password: { ${SECRET}: 1 } }]` },
    { env: { NEWSREEL_PROVIDERS: `[{"host":"h","password":"${SECRET}"` } },
    { env: { NEWSREEL_PROVIDERS: SECRET } },
    { env: { NEWSREEL_AUTH_PASSWORD: `${SECRET}\u0000` } },
    { env: { NEWSREEL_IMPORTS_PASSWORDS: `[${SECRET}]` } },
    { env: { NEWSREEL_API_KEY_FILE: "/k" }, files: { "/k": `${SECRET}\nline two` } },
    { env: { NEWSREEL_PROVIDERS_FILE: "/p" }, files: { "/p": `{"password":"${SECRET}"}` } },
    { env: { NEWSREEL_TOKEN: SECRET } },
  ])("never show a secret: %j", (world) => {
    expect(mistakesOf(world)).not.toContain(SECRET);
  });
});
