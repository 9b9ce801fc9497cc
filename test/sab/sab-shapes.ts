/**
 * What a real SABnzbd 4.5 answers: the names and types of its documentation and of its own format tests. A type is a JSON type; several are
 * told apart by `|`. `[shape]` is a list of such, `{*: shape}` an object by names of the user's.
 */
export type Shape = string | readonly [Shape] | { readonly [name: string]: Shape };

const HEADER = {
  version: "string",
  paused: "boolean",
  pause_int: "string",
  paused_all: "boolean",
  diskspace1: "string",
  diskspace2: "string",
  diskspace1_norm: "string",
  diskspace2_norm: "string",
  diskspacetotal1: "string",
  diskspacetotal2: "string",
  speedlimit: "string",
  speedlimit_abs: "string",
  have_warnings: "string",
  finishaction: "string|null",
  quota: "string",
  have_quota: "boolean",
  left_quota: "string",
  cache_art: "string",
  cache_size: "string",
} as const;

const WARNING = { type: "string", text: "string", time: "int" } as const;

export const SHAPES: Readonly<Record<string, Shape>> = {
  version: { version: "string" },
  auth: { auth: "string" },
  queue: {
    queue: {
      ...HEADER,
      kbpersec: "string",
      speed: "string",
      mbleft: "string",
      mb: "string",
      sizeleft: "string",
      size: "string",
      noofslots_total: "int",
      noofslots: "int",
      status: "string",
      timeleft: "string",
      start: "int",
      limit: "int",
      finish: "int",
      slots: [
        {
          index: "int",
          nzo_id: "string",
          unpackopts: "string",
          priority: "string",
          script: "string",
          filename: "string",
          labels: ["string"],
          password: "string",
          cat: "string",
          mbleft: "string",
          mb: "string",
          size: "string",
          sizeleft: "string",
          percentage: "string",
          mbmissing: "string",
          direct_unpack: "string|null",
          status: "string",
          timeleft: "string",
          avg_age: "string",
          time_added: "int",
        },
      ],
    },
  },
  history: {
    history: {
      total_size: "string",
      month_size: "string",
      week_size: "string",
      day_size: "string",
      ppslots: "int",
      noofslots: "int",
      last_history_update: "int",
      version: "string",
      slots: [
        {
          completed: "int",
          name: "string",
          nzb_name: "string",
          category: "string",
          pp: "string",
          script: "string",
          report: "string",
          url: "string",
          status: "string",
          nzo_id: "string",
          storage: "string",
          path: "string",
          script_line: "string",
          download_time: "int",
          postproc_time: "int",
          stage_log: [{ name: "string", actions: ["string"] }],
          downloaded: "int",
          completeness: "null",
          fail_message: "string",
          url_info: "string",
          bytes: "int",
          meta: "null",
          series: "string|null",
          duplicate_key: "string|null",
          md5sum: "string",
          password: "string",
          action_line: "string",
          size: "string",
          loaded: "boolean",
          retry: "boolean|int",
          archive: "boolean",
          time_added: "int",
        },
      ],
    },
  },
  fullstatus: {
    status: {
      ...HEADER,
      uptime: "string",
      color_scheme: "string",
      confighelpuri: "string",
      pid: "int",
      active_lang: "string",
      rtl: "boolean",
      my_lcldata: "string",
      my_home: "string",
      webdir: "string",
      url_base: "string",
      windows: "boolean",
      macos: "boolean",
      power_options: "boolean",
      pp_pause_event: "boolean",
      apikey: "string",
      new_release: "string|null",
      new_rel_url: "string|null",
      logfile: "string",
      weblogfile: "string|null",
      loglevel: "string",
      folders: ["string"],
      configfn: "string",
      warnings: [WARNING],
      delayed_assembler: "int",
      loadavg: "string",
      pystone: "int",
      downloaddir: "string",
      downloaddirspeed: "int",
      completedir: "string",
      completedirspeed: "int",
      internetbandwidth: "int",
      active_socks5_proxy: "string|null",
      localipv4: "string|null",
      publicipv4: "string|null",
      ipv6: "string|null",
      dnslookup: "string|null",
      servers: [
        {
          servername: "string",
          serveractive: "boolean",
          serveractiveconn: "int",
          servertotalconn: "int",
          serverconnections: [{ thrdnum: "int", art_name: "string", nzf_name: "string", nzo_name: "string" }],
          serverssl: "boolean|int",
          serversslinfo: "string",
          serveripaddress: "string|null",
          servercanonname: "string|null",
          serverwarning: "string",
          servererror: "string",
          serverpriority: "int",
          serveroptional: "boolean|int",
          serverbps: "string",
        },
      ],
    },
  },
  get_config: {
    config: {
      misc: {
        complete_dir: "string",
        download_dir: "string",
        pre_check: "boolean|int",
        enable_tv_sorting: "boolean|int",
        tv_categories: ["string"],
        enable_movie_sorting: "boolean|int",
        movie_categories: ["string"],
        enable_date_sorting: "boolean|int",
        date_categories: ["string"],
        history_retention: "string",
        history_retention_option: "string",
        history_retention_number: "int",
      },
      categories: [
        {
          name: "string",
          order: "int",
          pp: "string",
          script: "string",
          dir: "string",
          newzbin: "string",
          priority: "int",
        },
      ],
      servers: [
        {
          name: "string",
          displayname: "string",
          host: "string",
          port: "int",
          timeout: "int",
          username: "string",
          password: "string",
          connections: "int",
          ssl: "boolean|int",
          ssl_verify: "int",
          ssl_ciphers: "string",
          enable: "boolean|int",
          required: "boolean|int",
          optional: "boolean|int",
          retention: "int",
          expire_date: "string",
          quota: "string",
          usage_at_start: "int",
          priority: "int",
          notes: "string",
        },
      ],
      sorters: [{ name: "string", is_active: "boolean|int", sort_cats: ["string"] }],
    },
  },
  server_stats: {
    total: "int",
    month: "int",
    week: "int",
    day: "int",
    servers: {
      "*": {
        total: "int",
        month: "int",
        week: "int",
        day: "int",
        daily: { "*": "int" },
        articles_tried: { "*": "int" },
        articles_success: { "*": "int" },
      },
    },
  },
  warnings: { warnings: [WARNING] },
  get_files: {
    files: [
      {
        filename: "string",
        mbleft: "string",
        mb: "string",
        bytes: "string",
        age: "string",
        nzf_id: "string",
        status: "string",
      },
    ],
  },
  get_cats: { categories: ["string"] },
  get_scripts: { scripts: ["string"] },
  pause: { status: "boolean" },
  resume: { status: "boolean" },
};

/** Where an answer has less than the shape, or of another type; more than it is nobody's loss. */
export function misfits(value: unknown, shape: Shape, path = ""): readonly string[] {
  if (typeof shape === "string")
    return isOfType(value, shape) ? [] : [`${path}: ${typeName(value)} instead of ${shape}`];
  if (isList(shape)) {
    if (!Array.isArray(value)) return [`${path}: ${typeName(value)} instead of a list`];
    return value.flatMap((item, index) => misfits(item, shape[0], `${path}[${index}]`));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [`${path}: ${typeName(value)} instead of an object`];
  }
  const values = value as Readonly<Record<string, unknown>>;
  const { "*": any } = shape;
  if (any !== undefined) return Object.keys(values).flatMap((name) => misfits(values[name], any, `${path}.${name}`));
  return Object.entries(shape).flatMap(([name, of]) =>
    Object.hasOwn(values, name) ? misfits(values[name], of, `${path}.${name}`) : [`${path}.${name}: missing`],
  );
}

function isList(shape: Exclude<Shape, string>): shape is readonly [Shape] {
  return Array.isArray(shape);
}

function isOfType(value: unknown, types: string): boolean {
  return types.split("|").includes(typeName(value));
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  return Number.isSafeInteger(value) ? "int" : typeof value;
}
